extension SocketIOClient {
    /// Where to connect, and as whom.
    public struct Configuration: Sendable {
        /// `http://HOST:PORT` (or `ws://`; the port is 80 by default). TLS is not supported.
        public var url: String
        /// The path of the server, `/socket.io/` by default.
        public var path: String
        /// Headers of the upgrade request (`Cookie`, `Origin`). They replace the client's own of the same name.
        public var headers: [(String, String)]
        /// The JSON of the CONNECT packet; nil sends none.
        public var auth: String?
        /// The namespace, `/` by default.
        public var namespace: String
        /// TCP, upgrade, open packet and CONNECT together; 5 s by default.
        public var connectTimeout: Duration
        /// The longest message that is accepted, in bytes; 16 MiB by default.
        public var maximumMessageBytes: Int

        public init(
            url: String, path: String = "/socket.io/", headers: [(String, String)] = [], auth: String? = nil,
            namespace: String = "/", connectTimeout: Duration = .seconds(5), maximumMessageBytes: Int = 16 << 20
        ) {
            self.url = url
            self.path = path
            self.headers = headers
            self.auth = auth
            self.namespace = namespace
            self.connectTimeout = connectTimeout
            self.maximumMessageBytes = maximumMessageBytes
        }

        /// Host and port of the URL. A path in the URL is not looked at.
        func endpoint() throws(SocketIOClientError) -> (host: String, port: Int) {
            let wanted = SocketIOClientError(
                .invalidConfiguration, "\"\(self.url)\" is not a URL of the form http://HOST:PORT")
            guard let scheme = ["http://", "ws://"].first(where: { self.url.hasPrefix($0) }) else { throw wanted }
            let authority = self.url.dropFirst(scheme.count).prefix { $0 != "/" && $0 != "?" }
            var host = authority
            var port = 80
            let afterHost = authority.lastIndex(of: "]") ?? authority.startIndex
            if let colon = authority[afterHost...].lastIndex(of: ":") {
                guard let number = UInt16(authority[authority.index(after: colon)...]), number > 0 else { throw wanted }
                host = authority[..<colon]
                port = Int(number)
            }
            if host.first == "[", host.last == "]" { host = host.dropFirst().dropLast() }
            guard !host.isEmpty, self.path.hasPrefix("/"), self.namespace.hasPrefix("/") else { throw wanted }
            return (String(host), port)
        }

        /// What stands before the payload of a packet of this namespace.
        var namespacePrefix: String { self.namespace == "/" ? "" : self.namespace + "," }
    }
}
