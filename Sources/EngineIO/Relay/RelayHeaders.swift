import NIOHTTP1

/// Which headers belong to one connection, and which to the request or the answer (RFC 9110, 7.6.1).
enum RelayHeaders {
    private static let hopByHop = [
        "connection", "keep-alive", "proxy-connection", "te", "trailer", "transfer-encoding", "upgrade", "expect",
    ]

    /// The head as the owner of the session gets it.
    ///
    /// - Parameter pass: the signed header.
    static func request(_ head: HTTPRequestHead, pass: String) -> HTTPRequestHead {
        var relayed = head
        relayed.version = .http1_1
        relayed.headers = endToEnd(head.headers)
        relayed.headers.replaceOrAdd(name: RelayPass.headerName, value: pass)
        if head.headers.contains(name: "upgrade") {
            relayed.headers.add(name: "connection", value: "upgrade")
            for value in head.headers["upgrade"] {
                relayed.headers.add(name: "upgrade", value: value)
            }
        } else {
            relayed.headers.add(name: "connection", value: "close")
        }
        if head.headers.contains(name: "transfer-encoding") {
            relayed.headers.remove(name: "content-length")
            relayed.headers.add(name: "transfer-encoding", value: "chunked")
        }
        return relayed
    }

    /// The head as the client gets it.
    ///
    /// - Parameter isLast: whether the client's connection ends with it.
    static func answer(_ head: HTTPResponseHead, isLast: Bool) -> HTTPResponseHead {
        var relayed = head
        relayed.version = .http1_1
        relayed.headers = endToEnd(head.headers)
        if head.status == .switchingProtocols {
            relayed.headers.add(name: "connection", value: "Upgrade")
            for value in head.headers["upgrade"] {
                relayed.headers.add(name: "upgrade", value: value)
            }
        } else if isLast {
            relayed.headers.add(name: "connection", value: "close")
        }
        return relayed
    }

    private static func endToEnd(_ headers: HTTPHeaders) -> HTTPHeaders {
        var headers = headers
        for name in headers[canonicalForm: "connection"] { headers.remove(name: String(name)) }
        for name in hopByHop { headers.remove(name: name) }
        return headers
    }
}
