/// How a browser carries its credential: by which cookie, and whether by any.
public enum CookiePolicy: Sendable, Equatable {
    /// `__Host-rejoin`, with `Secure`: HTTPS.
    case secure
    /// `rejoin` without `Secure`: plain HTTP on loopback, or where the operator allows insecure logins.
    case plain
    /// None, and no login: plain HTTP off loopback.
    case none

    /// How many bytes a request's `Cookie` headers may have together.
    public static let maximumHeaderBytes = 4096

    /// Decides by scheme and host as the client sees them.
    ///
    /// - Parameter allowsInsecureLogin: `REJOIN_INSECURE_LOGIN`: plain HTTP off loopback is treated as loopback is.
    public init(_ source: RequestSource, allowsInsecureLogin: Bool) {
        switch source.scheme {
        case .https: self = .secure
        case .http: self = source.isLoopback || allowsInsecureLogin ? .plain : .none
        }
    }

    /// The cookie's name; nil when there is none.
    public var name: String? {
        switch self {
        case .secure: "__Host-rejoin"
        case .plain: "rejoin"
        case .none: nil
        }
    }

    /// Whether somebody may log in this way.
    public var allowsLogin: Bool { self != .none }

    /// Finds the credential in a request. Only the cookie of the policy's own name is looked at.
    ///
    /// - Parameter headers: the values of the `Cookie` fields, in order.
    /// - Returns: its value as it was sent; nil when there is none.
    /// - Throws: `CookieError.tooLarge` above 4 KiB, `CookieError.duplicate` when the name comes twice.
    public func value(in headers: [String]) throws(CookieError) -> Substring? {
        guard headers.reduce(0, { $0 + $1.utf8.count }) <= Self.maximumHeaderBytes else { throw .tooLarge }
        guard let name = self.name else { return nil }
        var value: Substring?
        for header in headers {
            let found = Self.find(name, in: header)
            guard !found.isTwice, found.value == nil || value == nil else { throw .duplicate }
            guard let place = found.value else { continue }
            let text = header.utf8
            let start = text.index(text.startIndex, offsetBy: place.lowerBound)
            value = header[start..<text.index(start, offsetBy: place.count)]
        }
        return value
    }

    /// Where the value of a cookie is, in bytes. Every request has its cookies looked through: bytes, no characters.
    private static func find(_ name: String, in header: String) -> (value: Range<Int>?, isTwice: Bool) {
        var (name, header) = (name, header)
        return name.withUTF8 { name in
            header.withUTF8 { header in
                var value: Range<Int>?
                var start = 0
                while start < header.count {
                    let end = header[start...].firstIndex(of: UInt8(ascii: ";")) ?? header.count
                    let pair = start..<end
                    start = end + 1
                    guard let equals = header[pair].firstIndex(of: UInt8(ascii: "=")),
                        header[Self.trimmed(pair.lowerBound..<equals, of: header)].elementsEqual(name)
                    else { continue }
                    guard value == nil else { return (value, true) }
                    value = Self.trimmed(equals + 1..<end, of: header)
                }
                return (value, false)
            }
        }
    }

    /// Without spaces and tabs at both ends.
    private static func trimmed(_ range: Range<Int>, of bytes: UnsafeBufferPointer<UInt8>) -> Range<Int> {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
        var (start, end) = (range.lowerBound, range.upperBound)
        while start < end, isSpace(bytes[start]) { start += 1 }
        while start < end, isSpace(bytes[end - 1]) { end -= 1 }
        return start..<end
    }

    /// The `Set-Cookie` header that gives the browser a credential.
    ///
    /// - Parameter remaining: what is left of the absolute life; whole seconds are sent, so that the cookie is
    ///   not over before it.
    /// - Returns: nil when there is no cookie this way.
    public func header(_ credential: Credential, remaining: Duration) -> String? {
        guard let name = self.name else { return nil }
        let secure = self == .secure ? " Secure;" : ""
        let (whole, rest) = remaining.components
        let seconds = max(0, whole + (rest > 0 ? 1 : 0))
        return "\(name)=\(credential.text); Path=/; Max-Age=\(seconds);\(secure) HttpOnly; SameSite=Lax"
    }
}

/// What is wrong with the cookies of a request.
public enum CookieError: Error, Sendable, Equatable {
    /// The cookie's name comes twice, and none of the two is believed: 400.
    case duplicate
    /// The `Cookie` headers have more than 4 KiB: 431.
    case tooLarge
}
