import CoreMetrics
import NIOCore

/// What the requests of a session ask of the event loop that the session lives on.
extension EngineLoop {
    /// What a request is for.
    enum Errand: Sendable {
        case poll
        case payload
        /// A payload in the form of other versions: the session that sends it is over, as in the reference server.
        case binaryPayload
        case upgrade(WebSocketLink)
        /// Nothing that the session's transport could serve.
        case mismatch
    }

    /// Opens a session over the poll that asked for it.
    func openPolling(_ handshake: PollingTransport.Waiting, context: any Sendable) {
        let transport = PollingTransport(loop: self, context: context, handshake: handshake)
        let exchange = handshake.exchange
        guard
            let connection = open(
                transport: transport, peer: exchange.request.peer, upgrades: ["websocket"], context: context),
            let sid = SessionID(connection.sid)
        else { return exchange.refuse(.unavailable("this node is stopping")) }
        exchange.opened(sid)
        transport.opened(connection, sid)
    }

    /// A request of a session came.
    func requested(_ exchange: EngineExchange, _ errand: Errand) {
        guard let authority else { return exchange.refuse(.unavailable("this node is stopping")) }
        guard let transport = transport(of: exchange) else {
            return refuseWithoutPolling(exchange, errand)
        }
        if case .mismatch = errand { return exchange.refuse(.badRequest) }
        switch authority.authorize(exchange.request, of: transport.context) {
        case .now(let decision):
            decided(exchange, errand, decision)
        case .later(let decide):
            let bound = NIOLoopBound(self, eventLoop: eventLoop)
            let taken = spawn { _ in
                let decision = await decide()
                bound.value.decided(exchange, errand, decision)
            }
            if !taken { exchange.refuse(.unavailable("this node is stopping")) }
        }
    }

    /// A payload is there.
    func posted(_ exchange: EngineExchange, _ payload: ByteBuffer) {
        guard let transport = transport(of: exchange) else { return exchange.refuse(.unknownSession) }
        transport.posted(exchange, payload)
    }

    /// A payload was given up, by a limit.
    func postEnded(_ exchange: EngineExchange) {
        transport(of: exchange)?.postEnded(exchange)
    }

    /// The client went away in the middle of a request.
    func abandoned(_ exchange: EngineExchange) {
        transport(of: exchange)?.abandoned(exchange)
    }

    /// An answer found nobody to take it.
    func lost(_ exchange: EngineExchange) {
        transport(of: exchange)?.fail(.transportError)
    }

    /// The listener that a waiting request came by stops.
    func quiesced(_ exchange: EngineExchange) {
        guard let transport = transport(of: exchange), transport.poll?.exchange === exchange else { return }
        transport.connection?.close(.serverShuttingDown)
    }

    /// The polling session of a request; `nil` when there is none of that `sid`, or it is a WebSocket's.
    func transport(of exchange: EngineExchange) -> PollingTransport? {
        guard let sid = exchange.sid, let transport = polling[sid.connection], transport.sid == sid else { return nil }
        return transport
    }

    private func refuseWithoutPolling(_ exchange: EngineExchange, _ errand: Errand) {
        guard let sid = exchange.sid, let connection = connections[sid.connection], connection.sid == sid.text else {
            return exchange.refuse(.unknownSession)
        }
        if case .upgrade = errand {
            exchange.reply(.upgrade(headers: [], isWanted: false))
        } else {
            exchange.refuse(.badRequest)
        }
    }

    private func decided(_ exchange: EngineExchange, _ errand: Errand, _ decision: HandshakeDecision) {
        guard !exchange.isGone else { return }
        guard case .accept(let headers, _) = decision else {
            if case .refuse(let error) = decision { exchange.refuse(error) }
            return
        }
        // Whatever happened to the session while the decision was waited for.
        guard let transport = transport(of: exchange) else { return refuseWithoutPolling(exchange, errand) }
        switch errand {
        case .poll:
            transport.polled(.init(exchange: exchange, headers: headers))
            if exchange.isStopping { quiesced(exchange) }
        case .payload: transport.posting(.init(exchange: exchange, headers: headers))
        case .binaryPayload:
            counters.violations.increment()
            exchange.refuse(.badRequest)
            transport.fail(.transportError)
        case .upgrade(let link): beginUpgrade(transport, exchange, link, headers)
        case .mismatch: exchange.refuse(.badRequest)
        }
    }
}
