import FoundationEssentials

/// base64url without padding, the only spelling that tokens and keys may have (RFC 7515 2).
enum Base64URLBytes {
    /// - Returns: `nil` for any other character, for padding, and for a length that no bytes have.
    static func decode(_ text: Substring) -> Data? {
        var base64 = Data(capacity: text.utf8.count + 3)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                base64.append(byte)
            case UInt8(ascii: "-"): base64.append(UInt8(ascii: "+"))
            case UInt8(ascii: "_"): base64.append(UInt8(ascii: "/"))
            default: return nil
            }
        }
        let padding = (4 - base64.count % 4) % 4
        guard padding < 3 else { return nil }
        base64.append(contentsOf: repeatElement(UInt8(ascii: "="), count: padding))
        return Data(base64Encoded: base64)
    }
}
