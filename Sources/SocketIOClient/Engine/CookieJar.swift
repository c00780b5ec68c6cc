import Synchronization

/// The cookies of one server, in the order in which they came. Any thread may use it.
///
/// Only names, values and deletion count: a client speaks with one origin and path, for as long as it lives.
final class CookieJar: Sendable {
    /// How many cookies it keeps; of more, the oldest goes.
    static let maximumCookies = 64
    /// The longest name and value together, in bytes; longer cookies are not kept (RFC 6265 6.1).
    static let maximumCookieBytes = 4096

    private let cookies = Mutex<[(name: String, value: String)]>([])

    /// - Parameter configuration: the `Cookie` headers it has are where the jar begins.
    init(_ configuration: SocketIOClient.Configuration) {
        for (name, value) in configuration.headers where name.lowercased() == "cookie" {
            for pair in value.split(separator: ";") { self.set(Self.pair(pair)) }
        }
    }

    /// The `Cookie` headers of a configuration as one.
    static func header(of configuration: SocketIOClient.Configuration) -> String? {
        let values = configuration.headers.filter { $0.0.lowercased() == "cookie" }.map(\.1)
        return values.isEmpty ? nil : values.joined(separator: "; ")
    }

    /// The value of the `Cookie` header; nil: there are none.
    var header: String? {
        let cookies = self.cookies.withLock { $0 }
        return cookies.isEmpty ? nil : cookies.map { "\($0.name)=\($0.value)" }.joined(separator: "; ")
    }

    var all: [String: String] {
        self.cookies.withLock { Dictionary($0.map { ($0.name, $0.value) }) { _, newest in newest } }
    }

    /// - Parameter value: nil removes the cookie.
    func set(_ name: String, _ value: String?) {
        self.cookies.withLock { cookies in
            guard let value, Self.isFit(name, value) else { return cookies.removeAll { $0.name == name } }
            if let index = cookies.firstIndex(where: { $0.name == name }) {
                cookies[index].value = value
            } else {
                cookies.append((name, value))
                if cookies.count > Self.maximumCookies { cookies.removeFirst() }
            }
        }
    }

    /// Takes what an answer's `Set-Cookie` headers say. `Max-Age` of zero or less removes.
    func store(_ headers: [(String, String)]) {
        for (name, value) in headers where name.lowercased() == "set-cookie" {
            let parts = value.split(separator: ";", omittingEmptySubsequences: false)
            guard let cookie = parts.first.flatMap({ Self.pair($0) }), Self.isFit(cookie.name, cookie.value) else {
                continue
            }
            let age = parts.dropFirst().compactMap { Self.pair($0) }.last { $0.name.lowercased() == "max-age" }
            let isOver = age.flatMap { Int($0.value) }.map { $0 <= 0 } ?? false
            self.set(cookie.name, isOver ? nil : cookie.value)
        }
    }

    private func set(_ cookie: (name: String, value: String)?) {
        if let cookie { self.set(cookie.name, cookie.value) }
    }

    private static func pair(_ text: Substring) -> (name: String, value: String)? {
        guard let equals = text.firstIndex(of: "=") else { return nil }
        return (Self.trimmed(text[..<equals]), Self.trimmed(text[text.index(after: equals)...]))
    }

    private static func trimmed(_ text: Substring) -> String {
        let isSpace: (Character) -> Bool = { $0 == " " || $0 == "\t" }
        let start = text.drop(while: isSpace)
        let end = start.lastIndex { !isSpace($0) }
        return end.map { String(start[...$0]) } ?? ""
    }

    /// What would end the header, or another cookie, is not kept.
    private static func isFit(_ name: String, _ value: String) -> Bool {
        guard !name.isEmpty, name.utf8.count + value.utf8.count <= Self.maximumCookieBytes else { return false }
        return (name + value).utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F && $0 != UInt8(ascii: ";") || $0 == 0x20 }
            && !name.utf8.contains(UInt8(ascii: "="))
    }
}
