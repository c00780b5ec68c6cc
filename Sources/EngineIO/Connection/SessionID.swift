/// Engine.IO's `sid`: the node's name, a full stop, 128 random bits in base64url, and the number of the event loop that
/// the connection lives on, so that its requests find it from any other.
package struct SessionID: Sendable, Equatable {
    /// What clients send. A secret; never logged.
    package let text: String
    /// Names the connection on its event loop: the lower half of the random bits.
    package let connection: EngineConnection.ID
    /// Which of the node's event loops, from 0.
    package let loop: Int

    package static func random(node: String, loop: Int) -> SessionID {
        var bits: (high: UInt64, low: UInt64) = (0, 0)
        RandomBits.fill(&bits)
        return SessionID(
            text: node + "." + base64URL(bits.high, bits.low) + String(loop), connection: .init(number: bits.low),
            loop: loop)
    }

    private init(text: String, connection: EngineConnection.ID, loop: Int) {
        self.text = text
        self.connection = connection
        self.loop = loop
    }

    /// Reads what a client sent; `nil` when no node can have made it.
    package init?(_ text: String) {
        guard let node = Self.node(of: text[...]) else { return nil }
        let rest = text.utf8.dropFirst(node.utf8.count + 1)
        let digits = rest.dropFirst(22)
        guard rest.count > 22, digits.count <= 4, digits.allSatisfy({ $0 >= 0x30 && $0 <= 0x39 }),
            let loop = Int(Substring(digits))
        else { return nil }
        var bits: UInt128 = 0
        for (place, character) in rest.prefix(22).enumerated() {
            guard let value = Self.values[Int(character)] else { return nil }
            // 22 characters are four bits more than 128.
            bits = place < 21 ? bits << 6 | UInt128(value) : bits << 2 | UInt128(value >> 4)
        }
        self.init(text: text, connection: .init(number: UInt64(truncatingIfNeeded: bits)), loop: loop)
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

    /// The six bits of each character of the alphabet, by its byte.
    private static let values: [UInt8?] = {
        var values = [UInt8?](repeating: nil, count: 256)
        for (value, character) in alphabet.enumerated() { values[Int(character)] = UInt8(value) }
        return values
    }()

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
}
