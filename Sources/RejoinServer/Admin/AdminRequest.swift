import SocketIO

/// A request to the admin API whose sender may make it.
struct AdminRequest: Sendable {
    /// What the path's parameters stand for: `{name}`, `{handle}`.
    let parameters: [String: String]
    /// The query's parameters, each once.
    let query: [String: String]
    /// An object; empty when there was no body.
    let body: JSONBytes

    /// The longest list that is given at once.
    static let maximumLimit = 1_000

    /// How long a list may be: `limit`, 1 to 1,000, default 100.
    ///
    /// - Throws: `bad_request`.
    func limit() throws(AdminFailure) -> Int {
        guard let text = query["limit"] else { return 100 }
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let limit = Int(text),
            (1...Self.maximumLimit).contains(limit)
        else { throw .badRequest("limit: a number from 1 to \(Self.maximumLimit) is expected") }
        return limit
    }

    /// A member of the body.
    ///
    /// - Throws: `bad_request`.
    func text(_ member: String) throws(AdminFailure) -> String {
        guard let text = body[member]?.string else { throw .badRequest("\(member): a string is expected") }
        return text
    }

    /// Holds the body to members that are known, so that no misspelled one is passed over.
    ///
    /// - Throws: `bad_request`.
    func expect(_ members: Set<String>) throws(AdminFailure) {
        var found: Set<String> = []
        for (key, _) in body.members() ?? [] {
            guard members.contains(key) else {
                throw .badRequest(
                    "the body has a member that is not known here; "
                        + "\(members.sorted().joined(separator: ", ")) may be given")
            }
            guard found.insert(key).inserted else { throw .badRequest("\(key) is given twice") }
        }
    }

    /// What the request is about, for the audit log.
    var target: String {
        parameters.values.first ?? query["user"] ?? query["userId"] ?? body["name"]?.string ?? ""
    }

    /// Reads a query.
    ///
    /// - Returns: its names and values in order; nil when it is not percent-encoded UTF-8.
    static func pairs(inQuery text: some StringProtocol) -> [(name: String, value: String)]? {
        var pairs: [(String, String)] = []
        for part in text.split(separator: "&") {
            let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard let name = decoded(sides[0], form: true),
                let value = decoded(sides.count == 2 ? sides[1] : "", form: true)
            else { return nil }
            pairs.append((name, value))
        }
        return pairs
    }

    /// RFC 3986 2.1; nil when an escape is broken or the result is not UTF-8.
    ///
    /// - Parameter form: whether `+` is a space, as in forms.
    static func decoded(_ text: some StringProtocol, form: Bool = false) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            switch byte {
            case UInt8(ascii: "%"):
                guard let high = rest.popFirst().flatMap(digit), let low = rest.popFirst().flatMap(digit) else {
                    return nil
                }
                bytes.append(high << 4 | low)
            case UInt8(ascii: "+") where form: bytes.append(UInt8(ascii: " "))
            default: bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        Character(Unicode.Scalar(byte)).hexDigitValue.map { UInt8($0) }
    }
}
