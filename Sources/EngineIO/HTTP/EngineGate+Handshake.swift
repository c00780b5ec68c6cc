import CoreMetrics
import NIOCore
import NIOHTTP1

/// How a session is opened, and how a connection becomes a WebSocket.
extension EngineGate {
    /// What a WebSocket is for.
    enum Purpose {
        /// A session of its own, with what the application accepted it with.
        case handshake(any Sendable)
        /// It is to replace the polling of a session.
        case session(WebSocketLink, isWanted: Bool)
    }

    /// - Parameter accept: the value of `Sec-WebSocket-Accept`; `nil` for polling.
    func handshake(_ request: EngineGateRequest, accept: String?) {
        guard let context else { return }
        // A session that polls holds no connection open by which it would be counted.
        guard loop.counters.connections.value < loop.configuration.maximumConnections else {
            return refuseHandshake(.unavailable("too many connections are open here"), isLast: accept != nil)
        }
        let bound = NIOLoopBound((gate: self, request: request), eventLoop: context.eventLoop)
        loop.admit { admitted in
            let (gate, request) = bound.value
            guard gate.isDeciding(request) else { return false }
            if admitted {
                gate.authorize(request)
            } else {
                gate.refuseHandshake(.unavailable("too many handshakes wait here"), isLast: accept != nil)
            }
            return true
        }
    }

    /// Whether the peer still waits for the decision about this request.
    private func isDeciding(_ request: EngineGateRequest) -> Bool {
        if case .engine(let current) = state { current === request } else { false }
    }

    private func authorize(_ request: EngineGateRequest) {
        guard let context else { return }
        switch server.application.authorize(request.request) {
        case .now(let decision):
            decided(request, decision)
        case .later(let decide):
            let bound = NIOLoopBound((gate: self, request: request), eventLoop: context.eventLoop)
            let taken = loop.spawn { _ in
                let decision = await decide()
                let (gate, request) = bound.value
                guard gate.isDeciding(request) else { return }
                gate.decided(request, decision)
            }
            if !taken {
                refuseHandshake(.unavailable("this node is stopping"), isLast: true)
            }
        }
    }

    private func decided(_ request: EngineGateRequest, _ decision: HandshakeDecision) {
        guard let context else { return }
        let isWebSocket = request.request.query["transport"] == EngineRequest.Transport.websocket.rawValue
        switch decision {
        case .refuse(let error):
            refuseHandshake(error, isLast: isWebSocket)
        case .accept where quiescing:
            // Nobody would tell the connection any more that it has to end.
            refuseHandshake(.unavailable("this node is stopping"), isLast: true)
        case .accept(let headers, let applicationContext) where isWebSocket:
            loop.counters.handshakes.increment()
            upgrade(request, headers, .handshake(applicationContext))
        case .accept(let headers, let applicationContext):
            loop.counters.handshakes.increment()
            let gate = NIOLoopBound(self, eventLoop: context.eventLoop)
            let exchange = EngineExchange(
                sid: nil, request: request.request, eventLoop: context.eventLoop
            ) { exchange, reply in
                gate.value.replied(exchange, reply)
            }
            request.exchange = exchange
            loop.openPolling(.init(exchange: exchange, headers: headers), context: applicationContext)
        }
    }

    /// Answers 101, and makes the connection a WebSocket.
    func upgrade(_ request: EngineGateRequest, _ extra: [(name: String, value: String)], _ purpose: Purpose) {
        guard let context else { return }
        state = .upgrading
        request.end()
        guard let agreement = request.agreement else {
            preconditionFailure("an upgrade is agreed on before it is decided")
        }
        var headers = agreement.headers
        headers.add(contentsOf: extra.map { ($0.name, $0.value) })
        headers.add(contentsOf: server.application.headers(for: request.request).map { ($0.name, $0.value) })
        let channel = context.channel
        let transport: WebSocketTransport
        let socket: LinkedWebSocket?
        switch purpose {
        case .handshake(let applicationContext):
            socket = nil
            transport = WebSocketTransport(
                loop: loop, context: applicationContext, deflate: agreement.deflate, descriptor: descriptor)
        case .session(let link, let isWanted):
            let linked = LinkedWebSocket(link: link, loop: loop, isWanted: isWanted)
            socket = linked
            transport = WebSocketTransport(
                loop: loop, upgrading: linked, deflate: agreement.deflate, descriptor: descriptor)
        }
        if http == nil {
            // Leaves with the first packet.
            transport.greeting = Self.switching(headers, channel.allocator)
        } else {
            let head = HTTPResponseHead(version: .http1_1, status: .switchingProtocols, headers: headers)
            context.writeAndFlush(wrapOutboundOut(.head(head)), promise: nil)
        }
        let bound = NIOLoopBound((transport: transport, socket: socket), eventLoop: context.eventLoop)
        becomeRaw(transport) {
            let (transport, socket) = bound.value
            socket?.opened(transport)
        } orElse: {
            bound.value.socket?.failed()
            channel.close(promise: nil)
        }
    }

    /// Leaves the connection's bytes to a handler; HTTP is over.
    ///
    /// - Parameters:
    ///   - installed: called when the handler is in its place, before it gets what came meanwhile.
    ///   - orElse: called when the connection ended before.
    func becomeRaw(
        _ handler: any ChannelHandler, installed: @escaping () -> Void, orElse failed: @escaping () -> Void
    ) {
        guard let context else { return failed() }
        guard let http else { return leave(context, to: handler, installed, failed) }
        let pipeline = context.pipeline.syncOperations
        pipeline.removeHandler(http.timer, promise: nil)
        pipeline.removeHandler(http.decoder).assumeIsolated()
            .flatMap { pipeline.removeHandler(http.encoder) }
            .whenComplete { result in
                if case .success = result {
                    self.leave(context, to: handler, installed, failed)
                } else {
                    failed()
                }
            }
    }

    private func leave(
        _ context: ChannelHandlerContext, to handler: any ChannelHandler, _ installed: () -> Void, _ failed: () -> Void
    ) {
        let pipeline = context.pipeline.syncOperations
        do {
            try pipeline.addHandler(handler, position: .after(self))
        } catch {
            return failed()
        }
        installed()
        for data in rawBytes {
            context.fireChannelRead(data)
        }
        if !rawBytes.isEmpty {
            context.fireChannelReadComplete()
        }
        rawBytes = []
        readOn()
        pipeline.removeHandler(context: context, promise: nil)
    }
}
