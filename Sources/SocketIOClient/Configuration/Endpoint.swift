import NIOHTTP1

/// Where a client's requests go, and what stands in all of them.
struct Endpoint: Sendable {
    let host: String
    let port: Int
    /// The value of the `Host` header.
    let authority: String
    private let target: String
    private let query: String
    /// The headers of the configuration without its cookies.
    private let headers: [(String, String)]

    init(host: String, port: Int, configuration: SocketIOClient.Configuration) {
        self.host = host
        self.port = port
        let isIPv6 = host.utf8.contains(UInt8(ascii: ":"))
        self.authority = isIPv6 ? "[\(host)]:\(port)" : "\(host):\(port)"
        self.target = configuration.path + (configuration.path.utf8.contains(UInt8(ascii: "?")) ? "&" : "?")
        self.query = configuration.query.map { "&\(Self.encoded($0.0))=\(Self.encoded($0.1))" }.joined()
        self.headers = configuration.headers.filter { $0.0.lowercased() != "cookie" }
    }

    /// Path and query of a request.
    /// - Parameter sid: nil: the request that opens the connection.
    func uri(_ transport: SocketIOClient.Transport, sid: String? = nil) -> String {
        let sid = sid.map { "&sid=" + Self.encoded($0) } ?? ""
        return self.target + "EIO=4&transport=" + transport.rawValue + sid + self.query
    }

    /// - Parameter own: the headers of the protocol, which those of the configuration replace.
    func headers(own: [(String, String)], cookie: String?) -> HTTPHeaders {
        var headers = HTTPHeaders(self.headers)
        for (name, value) in [("Host", self.authority)] + own where !headers.contains(name: name) {
            headers.add(name: name, value: value)
        }
        if let cookie { headers.add(name: "Cookie", value: cookie) }
        return headers
    }

    /// RFC 3986 2.1: everything but the unreserved characters.
    private static func encoded(_ text: String) -> String {
        var encoded = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                encoded += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return encoded
    }
}
