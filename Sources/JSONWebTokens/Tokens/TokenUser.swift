/// Whom a token names.
public struct TokenUser: Sendable, Equatable {
    /// The configured prefix and the value of the claim that names the user, with everything but letters, digits and
    /// `-._~:|@+=,` percent-encoded: it fits into keys, headers and the names of fields, and no two users have the same.
    public let id: String
    /// What the provider calls the user, to be shown: the value of the name claim, as it is. `nil` when there is none.
    public let name: String?
    /// The value of the claim that names the user, 1 to 128 bytes without control characters.
    public let subject: String

    /// The most bytes of the claim that names the user.
    static let maximumSubjectBytes = 128

    /// - Returns: `nil` when the subject is empty, too long or has control characters in it.
    init?(subject: String, name: String?, prefix: String) {
        guard (1...Self.maximumSubjectBytes).contains(subject.utf8.count),
            subject.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control })
        else { return nil }
        self.subject = subject
        self.name = name
        id = prefix + Self.encoded(subject)
    }

    private static func encoded(_ subject: String) -> String {
        var output = ""
        for byte in subject.utf8 {
            if isPlain(byte) {
                output.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                let digits = String(byte, radix: 16, uppercase: true)
                output += "%" + (digits.utf8.count == 1 ? "0" : "") + digits
            }
        }
        return output
    }

    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default:
            "-._~:|@+=,".utf8.contains(byte)
        }
    }
}
