/// Engine.IO's `sid`: the node's name, a full stop, and 128 random bits in base64url.
package enum SessionID {
    package static func random(node: String) -> String {
        var generator = SystemRandomNumberGenerator()
        return node + "." + base64URL(generator.next(), generator.next())
    }

    /// The node that a `sid` belongs to; `nil` when it is none of ours.
    package static func node(of sid: Substring) -> Substring? {
        guard let dot = sid.firstIndex(of: "."), dot != sid.startIndex else { return nil }
        return sid[..<dot]
    }

    /// 128 bits as 22 characters of base64url (RFC 4648, section 5), without padding.
    package static func base64URL(_ high: UInt64, _ low: UInt64) -> String {
        String(unsafeUninitializedCapacity: 22) { output in
            for index in 0..<22 {
                let shift = 122 - index * 6
                let bits: UInt64 =
                    if shift >= 64 {
                        high >> UInt64(shift - 64)
                    } else if shift >= 0 {
                        (low >> UInt64(shift)) | (shift > 58 ? high << UInt64(64 - shift) : 0)
                    } else {
                        low << UInt64(-shift)
                    }
                output[index] = alphabet[Int(bits & 63)]
            }
            return 22
        }
    }

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
}
