import FoundationEssentials

/// Where the keys are that tokens are verified by.
public enum KeyLocation: Sendable, Equatable {
    /// A secret of at least 32 bytes, shared with whoever signs (HS256).
    case secret([UInt8])
    /// A file with a JSON Web Key Set (RFC 7517 5).
    case file(String)
    /// The address of one: `https://…`, or `http://…` on loopback.
    case url(String)

    /// The fewest bytes of a secret: as many as the hash has (RFC 7518 3.2).
    static let minimumSecretBytes = 32

    /// - Parameter text: a path, or an address.
    /// - Throws: `invalidConfiguration` for an address that is not safe to take keys from.
    public init(_ text: String) throws(JSONWebTokenError) {
        guard !text.isEmpty else { throw Self.invalid("a file or an address is expected") }
        guard text.prefix(while: { $0 != "/" }).contains(":") else {
            self = .file(text)
            return
        }
        guard let components = URLComponents(string: text), let host = components.host, !host.isEmpty else {
            throw Self.invalid("it is no address")
        }
        guard components.user == nil, components.password == nil, components.fragment == nil else {
            throw Self.invalid("an address without user, password and fragment is expected")
        }
        switch components.scheme?.lowercased() {
        case "https": break
        case "http":
            // Whoever can change the keys on their way can be anybody.
            guard Self.isLoopback(host) else { throw Self.invalid("http:// is for loopback; https:// is expected") }
        default: throw Self.invalid("https:// is expected, or the path of a file")
        }
        self = .url(text)
    }

    /// - Throws: `invalidConfiguration` for fewer than 32 bytes.
    public init(secret: [UInt8]) throws(JSONWebTokenError) {
        guard secret.count >= Self.minimumSecretBytes else {
            throw Self.invalid("a secret of at least \(Self.minimumSecretBytes) bytes is expected")
        }
        self = .secret(secret)
    }

    private static func isLoopback(_ host: String) -> Bool {
        guard host.lowercased() != "localhost", host != "::1", host != "[::1]" else { return true }
        let numbers = host.split(separator: ".", omittingEmptySubsequences: false)
        return numbers.count == 4 && numbers[0] == "127" && numbers.allSatisfy { UInt8($0) != nil }
    }

    private static func invalid(_ what: String) -> JSONWebTokenError {
        JSONWebTokenError(.invalidConfiguration, what)
    }
}
