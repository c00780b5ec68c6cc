import CoreMetrics
import NIOCore
import NIOHTTP1

/// What becomes of a request of the engine's path.
extension EngineGate {
    /// The head of a request of ours is there.
    func begin(_ head: HTTPRequestHead) {
        let request = EngineGateRequest(head)
        state = .engine(request)
        request.request = EngineHandshake(
            head: head, query: [:], peer: context?.channel.remoteAddress, isTLS: loop.configuration.tls != nil)
        // A payload is announced to its session at once; another body is refused, and not waited for.
        if head.method == .POST || UpgradeRequest.hasBody(head) {
            start(request)
        }
    }

    /// A piece of the body came.
    func received(_ bytes: ByteBuffer, of request: EngineGateRequest) {
        if let relay = request.relay { return relay.send(.body(.byteBuffer(bytes))) }
        guard request.body?.append(bytes) == false else { return }
        endPayload(request, Self.tooLarge)
    }

    /// The request is whole.
    func received(_ request: EngineGateRequest) {
        request.isWhole = true
        if let relay = request.relay {
            relay.send(.end(nil))
        } else if request.hasStarted {
            sendPayload(request)
        } else {
            start(request)
        }
    }

    private func start(_ request: EngineGateRequest) {
        request.hasStarted = true
        guard checkPass(request) else { return }
        let head = request.head
        if head.method == .OPTIONS {
            let headers = loop.configuration.cors.preflightHeaders(for: head)
            return answer(EngineAnswer(status: 204, headers: headers))
        }
        let query: EngineRequest
        do throws(EngineError) {
            query = try EngineRequest(head)
        } catch {
            return refuseHandshake(error, isLast: isUpgrade(head))
        }
        request.request = EngineHandshake(
            head: head, query: query.query, peer: request.request.peer, isTLS: request.request.isTLS)
        if let sid = query.sid, relay(request, sid) { return }
        switch (query.transport, query.sid) {
        case (.polling, nil) where UpgradeRequest.hasBody(head): refuseHandshake(.badRequest)
        case (.polling, nil): handshake(request, accept: nil)
        case (.websocket, nil): withAccept(request) { handshake(request, accept: $0) }
        case (.polling, let sid?): requestSession(request, sid)
        case (.websocket, let sid?) where isUpgrade(head):
            withAccept(request) { _ in
                ask(request, sid) { .upgrade($0) }
            }
        case (.websocket, let sid?): ask(request, sid) { _ in .mismatch }
        }
    }

    private func isUpgrade(_ head: HTTPRequestHead) -> Bool { head.headers.contains(name: "upgrade") }

    // MARK: Requests of a session

    private func requestSession(_ request: EngineGateRequest, _ sid: String) {
        let head = request.head
        switch head.method {
        case .GET where !UpgradeRequest.hasBody(head) && !isUpgrade(head):
            ask(request, sid) { _ in .poll }
        case .POST where isBinary(head):
            ask(request, sid) { _ in .binaryPayload }
        case .POST:
            guard
                let body = PayloadBody(
                    limit: loop.configuration.maximumPayloadBytes, announced: head.headers["content-length"])
            else { return refuse(Self.tooLarge) }
            request.body = body
            startTimer(request)
            sayContinue(request)
            ask(request, sid) { _ in .payload }
        default:
            ask(request, sid) { _ in .mismatch }
        }
    }

    /// Tells a client that waits for it that the body may come.
    func sayContinue(_ request: EngineGateRequest) {
        guard !request.isWhole, request.head.headers["expect"].contains(where: { $0.lowercased() == "100-continue" })
        else { return }
        let head = HTTPResponseHead(version: .http1_1, status: .continue)
        context?.writeAndFlush(wrapOutboundOut(.head(head)), promise: nil)
    }

    /// Tells the session's event loop of the request.
    private func ask(_ request: EngineGateRequest, _ sid: String, _ errand: (WebSocketLink) -> EngineLoop.Errand) {
        guard let context else { return }
        guard let sid = SessionID(sid), let shard = server.shard(of: sid) else { return refuse(.unknownSession) }
        let eventLoop = context.eventLoop
        let gate = NIOLoopBound(self, eventLoop: eventLoop)
        let exchange = EngineExchange(sid: sid, request: request.request, eventLoop: eventLoop) { exchange, reply in
            gate.value.replied(exchange, reply)
        }
        request.exchange = exchange
        let errand = errand(WebSocketLink(sid: sid, shard: shard, socketLoop: eventLoop))
        if case .upgrade(let link) = errand { request.link = link }
        shard.perform { $0.requested(exchange, errand) }
    }

    private func onSession(of exchange: EngineExchange, _ body: @escaping @Sendable (EngineLoop) -> Void) {
        guard let sid = exchange.sid else { return }
        server.shard(of: sid)?.perform(body)
    }

    /// The session's event loop answers.
    func replied(_ exchange: EngineExchange, _ reply: EngineExchange.Reply) {
        guard case .engine(let request) = state, request.exchange === exchange else {
            if case .answer(let answer) = reply, answer.carriesPackets {
                onSession(of: exchange) { $0.lost(exchange) }
            }
            return
        }
        switch reply {
        case .answer(let answer):
            if answer.status >= 400 { loop.counters.requestsRefused.increment() }
            request.exchange = nil
            self.answer(answer)
        case .payloadWanted:
            request.isPayloadWanted = true
            sendPayload(request)
        case .upgrade(let headers, let isWanted):
            guard let link = request.link else { return }
            guard !quiescing else {
                request.exchange = nil
                link.shard.perform { $0.upgradeFailed(link.sid, link) }
                return refuse(.unavailable("this node is stopping"))
            }
            upgrade(request, headers, .session(link, isWanted: isWanted))
        }
    }

    private func sendPayload(_ request: EngineGateRequest) {
        guard request.isWhole, request.isPayloadWanted, let exchange = request.exchange, let body = request.body else {
            return
        }
        request.body = nil
        request.end()
        onSession(of: exchange) { $0.posted(exchange, body.bytes) }
    }

    private func startTimer(_ request: EngineGateRequest) {
        guard let context else { return }
        let bound = NIOLoopBound((gate: self, request: request), eventLoop: context.eventLoop)
        let time = TimeAmount.nanoseconds(loop.configuration.payloadTimeout.wholeMilliseconds * 1_000_000)
        request.start(
            context.eventLoop.scheduleTask(in: time) {
                let (gate, request) = bound.value
                guard case .engine(let current) = gate.state, current === request, !request.isWhole else { return }
                gate.loop.counters.payloadTimeouts.increment()
                gate.endPayload(request, Self.tooSlow)
            })
    }

    /// Gives a payload up; the session goes on.
    private func endPayload(_ request: EngineGateRequest, _ error: EngineError) {
        request.body = nil
        if let exchange = request.exchange {
            request.exchange = nil
            exchange.leave()
            onSession(of: exchange) { $0.postEnded(exchange) }
        }
        refuse(error)
    }

    /// The peer is gone, or has broken off a request.
    func abandon() {
        guard case .engine(let request) = state else { return }
        request.end()
        if let relay = request.relay {
            request.relay = nil
            relay.close()
        }
        guard let exchange = request.exchange else { return }
        request.exchange = nil
        exchange.leave()
        if let link = request.link {
            link.shard.perform { $0.upgradeFailed(link.sid, link) }
        } else {
            onSession(of: exchange) { $0.abandoned(exchange) }
        }
    }

    /// The listener stops: a poll would wait for longer than it has.
    func quiesce(_ request: EngineGateRequest) {
        if request.relay != nil {
            abandon()
            context?.close(promise: nil)
        }
        guard let exchange = request.exchange else { return }
        exchange.stop()
        onSession(of: exchange) { $0.quiesced(exchange) }
    }

    // MARK: Refusals

    private func refuse(_ error: EngineError) {
        loop.counters.requestsRefused.increment()
        answer(.refusal(error))
    }

    func refuseHandshake(_ error: EngineError, isLast: Bool = false) {
        loop.counters.handshakesRefused.increment()
        var answer = EngineAnswer.refusal(error)
        answer.isLast = isLast
        self.answer(answer)
    }

    private func withAccept(_ request: EngineGateRequest, _ body: (String) -> Void) {
        let agreement: UpgradeRequest.Agreement
        do throws(UpgradeRequest.Refusal) {
            agreement = try UpgradeRequest.agree(request.head, compression: loop.configuration.compression)
        } catch {
            loop.counters.handshakesRefused.increment()
            return answer(.refusal(error))
        }
        request.agreement = agreement
        body(agreement.accept)
    }

    private func isBinary(_ head: HTTPRequestHead) -> Bool {
        head.headers["content-type"].contains { $0.lowercased().hasPrefix("application/octet-stream") }
    }

    private static let tooLarge = EngineError(code: 3, message: "Payload too large", status: 413)
    private static let tooSlow = EngineError(code: 3, message: "Payload too slow", status: 408)
}
