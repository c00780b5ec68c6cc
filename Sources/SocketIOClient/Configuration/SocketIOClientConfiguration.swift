extension SocketIOClient {
    /// How Engine.IO's packets travel.
    public enum Transport: String, Sendable, Hashable {
        /// HTTP long-polling: a GET that waits for packets, and POSTs that bring them.
        case polling
        case websocket
    }

    /// Where to connect, as whom, and how.
    public struct Configuration: Sendable {
        /// `http://HOST:PORT` (or `ws://`; the port is 80 by default). TLS is not supported.
        public var url: String
        /// The path of the server, `/socket.io/` by default.
        public var path: String
        /// Headers of every HTTP request (`Origin`). They replace the client's own of the same name. What a `Cookie`
        /// header holds goes into the client's cookies, where the server may replace it.
        public var headers: [(String, String)]
        /// Further parameters of every HTTP request, not yet percent-encoded.
        public var query: [(String, String)]
        /// The JSON of the CONNECT packet of `namespace`; nil sends none.
        public var auth: String?
        /// The namespace that the client connects to by itself, `/` by default.
        public var namespace: String
        /// The first opens the connection; WebSocket after polling is upgraded to. Not empty; long-polling, then
        /// WebSocket by default. There is no falling back from WebSocket to long-polling.
        public var transports: [Transport]
        /// Whether a connection that was opened by long-polling goes on over WebSocket, where both sides can.
        public var upgrade: Bool
        /// How a client comes back whose transport ended; nil: it does not, and is closed for good.
        public var reconnection: Reconnection?
        /// TCP, the HTTP answer and the open packet together; then as long again for the answer to CONNECT, and for any
        /// POST; 5 s by default.
        public var connectTimeout: Duration
        /// The longest message that is accepted, in bytes, and the most that the attachments of one packet may be
        /// together; 16 MiB by default. The answer to a poll may be twice as long.
        public var maximumMessageBytes: Int
        /// How many emits a socket keeps while it is not connected; 1,024 by default. Of more, the newest are dropped
        /// and counted, and calls fail with `bufferFull`.
        public var maximumBufferedEmits: Int

        public init(
            url: String, path: String = "/socket.io/", headers: [(String, String)] = [],
            query: [(String, String)] = [], auth: String? = nil, namespace: String = "/",
            transports: [Transport] = [.polling, .websocket], upgrade: Bool = true,
            reconnection: Reconnection? = Reconnection(), connectTimeout: Duration = .seconds(5),
            maximumMessageBytes: Int = 16 << 20, maximumBufferedEmits: Int = 1024
        ) {
            self.url = url
            self.path = path
            self.headers = headers
            self.query = query
            self.auth = auth
            self.namespace = namespace
            self.transports = transports
            self.upgrade = upgrade
            self.reconnection = reconnection
            self.connectTimeout = connectTimeout
            self.maximumMessageBytes = maximumMessageBytes
            self.maximumBufferedEmits = maximumBufferedEmits
        }

        /// Where the requests of a connection go. A path in the URL is not looked at.
        func endpoint() throws(SocketIOClientError) -> Endpoint {
            let scheme = self.url.prefix { $0 != ":" }.lowercased()
            guard scheme != "https", scheme != "wss" else {
                throw SocketIOClientError(
                    .invalidConfiguration,
                    "\"\(self.url)\" asks for TLS, which this client is built without; use http:// or ws://")
            }
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
            guard !host.isEmpty else { throw wanted }
            try self.check()
            return Endpoint(host: String(host), port: port, configuration: self)
        }

        private func check() throws(SocketIOClientError) {
            func refuse(_ message: String) -> SocketIOClientError { .init(.invalidConfiguration, message) }
            guard self.path.hasPrefix("/"), Self.isPrintable(self.path), !self.path.utf8.contains(0x20) else {
                throw refuse("the path begins with a slash, and holds neither spaces nor control characters")
            }
            guard SocketNamespace.isValid(self.namespace) else {
                throw refuse("a namespace begins with a slash, and holds no comma")
            }
            guard !self.transports.isEmpty else { throw refuse("there is no transport to connect with") }
            for (name, value) in self.headers where name.isEmpty || !Self.isPrintable(name + value) {
                throw refuse("the header \"\(name)\" holds control characters")
            }
        }

        /// A header with a line break would be another header.
        private static func isPrintable(_ text: String) -> Bool {
            text.utf8.allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }
        }
    }
}
