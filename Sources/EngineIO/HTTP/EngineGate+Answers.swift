import DequeModule
import NIOCore
import NIOHTTP1

/// How requests of ours are answered, and what becomes of the connection then.
extension EngineGate {
    /// Answers the request of ours. The connection goes on with the next one where it can.
    func answer(_ answer: EngineAnswer) {
        guard case .engine(let request) = state, let context else { return }
        request.end()
        beginHTTP(context)
        let isLast = answer.isLast || isLast(request)
        var headers = HTTPHeaders(answer.headers.map { ($0.name, $0.value) })
        headers.add(contentsOf: loop.configuration.cors.headers(for: request.head).map { ($0.name, $0.value) })
        headers.add(contentsOf: server.application.headers(for: request.request).map { ($0.name, $0.value) })
        if answer.status != 204 {
            headers.add(name: "content-length", value: "\(answer.body.readableBytes)")
        }
        if isLast {
            headers.add(name: "connection", value: "close")
        }
        headers.add(name: "cache-control", value: "no-store")
        let head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: answer.status), headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        if answer.body.readableBytes > 0, request.head.method != .HEAD {
            context.write(wrapOutboundOut(.body(.byteBuffer(answer.body))), promise: nil)
        }
        context.write(wrapOutboundOut(.end(nil)), promise: nil)
        finish(isLast: isLast)
    }

    /// Whether the connection cannot go on after the answer to a request.
    func isLast(_ request: EngineGateRequest) -> Bool {
        !request.isWhole || !request.head.isKeepAlive || request.head.version != .http1_1 || quiescing
            || (isLastRequest && held.isEmpty)
    }

    /// The answer is written.
    func finish(isLast: Bool) {
        guard let context else { return }
        if isLast {
            close()
        } else {
            context.flush()
            state = .http
            resume(context)
        }
    }

    /// Ends the connection once what was written is on its way. What the peer still sends is read and thrown away for a
    /// moment: a socket that is closed before that is reset, and the peer never sees the answer (RFC 9112, 9.6).
    func close() {
        guard let context else { return }
        state = .closing
        held = Deque()
        readOn()
        context.flush()
        let sent = context.eventLoop.makePromise(of: Void.self)
        context.close(mode: .output, promise: sent)
        http?.timer.linger(context, after: sent.futureResult)
    }
}
