import FoundationEssentials

/// The members of a JSON object as they were sent, before a reader keeps one of each name.
enum ObjectMembers {
    /// How many members an object has itself, those of one name each counted.
    ///
    /// - Parameter data: a whole JSON object (RFC 8259).
    /// - Returns: `nil` when it is not in UTF-8, which has no zero byte in JSON.
    static func count(_ data: Data) -> Int? {
        var count = 0
        var depth = 0
        var isString = false
        var isEscaped = false
        for byte in data {
            switch byte {
            case 0: return nil
            case _ where isEscaped: isEscaped = false
            case UInt8(ascii: "\\"): isEscaped = isString
            case UInt8(ascii: "\""): isString.toggle()
            case _ where isString: break
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"): depth -= 1
            case UInt8(ascii: ":") where depth == 1: count += 1
            default: break
            }
        }
        return count
    }
}
