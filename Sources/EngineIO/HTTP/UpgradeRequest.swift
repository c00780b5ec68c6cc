package import NIOHTTP1

/// The server's part of the opening handshake of RFC 6455, section 4.2.
package enum UpgradeRequest {
    /// Why a request cannot become a WebSocket: the status, and a text for the developer who reads it.
    package struct Refusal: Error, Equatable {
        package let status: Int
        package let message: String
        package var headers: [String: String] = [:]
    }

    /// What the two sides are to each other once the connection is a WebSocket.
    package struct Agreement: Equatable {
        /// The value of `Sec-WebSocket-Accept`.
        package let accept: String
        /// Nil: messages are not compressed.
        package let deflate: DeflateAgreement?

        /// The headers of the 101.
        package var headers: HTTPHeaders {
            var headers: HTTPHeaders = [
                "connection": "Upgrade", "upgrade": "websocket", "sec-websocket-accept": accept,
            ]
            if let deflate {
                headers.add(name: "sec-websocket-extensions", value: deflate.headerValue)
            }
            return headers
        }
    }

    /// Checks the head of a request, and takes the first offer of compression that can be met.
    ///
    /// - Parameter compression: ours; without it the client's offers are not looked at.
    package static func agree(
        _ head: HTTPRequestHead, compression: WebSocketCompression?
    ) throws(Refusal) -> Agreement {
        let accept = try accept(head)
        guard let compression else { return Agreement(accept: accept, deflate: nil) }
        var offers: [WebSocketExtensionOffer] = []
        do throws(WebSocketExtensionOffer.Malformed) {
            for line in head.headers["sec-websocket-extensions"] {
                offers += try WebSocketExtensionOffer.list(line)
            }
        } catch {
            // RFC 6455, 9.1: what does not follow the grammar fails the connection.
            throw Refusal(status: 400, message: "Sec-WebSocket-Extensions is not a list of extensions")
        }
        return Agreement(accept: accept, deflate: .first(of: offers, compression))
    }

    /// Checks the head of a request.
    ///
    /// - Returns: The value of `Sec-WebSocket-Accept`.
    package static func accept(_ head: HTTPRequestHead) throws(Refusal) -> String {
        guard head.method == .GET else {
            throw Refusal(status: 405, message: "a WebSocket is opened by GET", headers: ["allow": "GET"])
        }
        guard head.version == .http1_1 else {
            throw Refusal(status: 400, message: "a WebSocket is opened over HTTP/1.1")
        }
        guard head.headers[canonicalForm: "connection"].contains(where: { $0.lowercased() == "upgrade" }),
            head.headers[canonicalForm: "upgrade"].contains(where: { $0.lowercased() == "websocket" })
        else {
            throw Refusal(status: 400, message: "the headers Connection: Upgrade and Upgrade: websocket are expected")
        }
        guard !hasBody(head) else {
            throw Refusal(status: 400, message: "the request that opens a WebSocket has no body")
        }
        guard head.headers["sec-websocket-version"] == ["13"] else {
            throw Refusal(
                status: 426, message: "Sec-WebSocket-Version 13 is expected", headers: ["sec-websocket-version": "13"])
        }
        let keys = head.headers["sec-websocket-key"]
        guard keys.count == 1, let key = keys.first, isKey(key) else {
            throw Refusal(status: 400, message: "one Sec-WebSocket-Key of 16 bytes in base64 is expected")
        }
        return WebSocketAccept.value(forKey: key)
    }

    package static func hasBody(_ head: HTTPRequestHead) -> Bool {
        head.headers.contains(name: "transfer-encoding")
            || head.headers["content-length"].contains { $0 != "0" }
    }

    /// 16 bytes are 22 characters of base64, whose last has four bits to spare, and two of padding.
    private static func isKey(_ key: String) -> Bool {
        let key = Array(key.utf8)
        return key.count == 24 && key[22...].allSatisfy { $0 == UInt8(ascii: "=") }
            && key[..<22].allSatisfy { alphabet.contains($0) }
    }

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
}
