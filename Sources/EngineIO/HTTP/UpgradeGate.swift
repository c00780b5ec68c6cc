import CoreMetrics
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1

/// Stands between the HTTP decoder and Hummingbird: takes the requests of the engine's path out of the stream, whatever
/// came before them on the connection, and either answers them or makes the connection a WebSocket.
///
/// Confined to its event loop.
final class UpgradeGate: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart
    typealias HTTPChannel = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>

    private enum State {
        case http
        /// A request of ours came; it may not be whole yet, and earlier ones may still be unanswered.
        case waiting(HTTPRequestHead, isWhole: Bool)
        case deciding
        case upgrading
        case closing
    }

    private let loop: EngineLoop
    private let application: any EngineApplication
    private let timer: RequestTimer
    private let encoder: HTTPResponseEncoder
    private let decoder: ByteToMessageHandler<HTTPRequestDecoder>
    private var http: EventLoopPromise<HTTPChannel?>?
    private var state = State.http
    private var unanswered = 0
    private var quiescing = false
    private var inputClosed = false
    /// A request of Hummingbird's asked for another protocol: the decoder reads nothing after it.
    private var isLastRequest = false
    private var held: [NIOAny] = []

    init(
        loop: EngineLoop, application: any EngineApplication, timer: RequestTimer, encoder: HTTPResponseEncoder,
        decoder: ByteToMessageHandler<HTTPRequestDecoder>, http: EventLoopPromise<HTTPChannel?>
    ) {
        self.loop = loop
        self.application = application
        self.timer = timer
        self.encoder = encoder
        self.decoder = decoder
        self.http = http
    }

    // MARK: Inbound

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch state {
        case .http:
            if case .head(let head) = unwrapInboundIn(data) {
                timer.headReceived()
                if EngineRequest.isOurs(head, path: loop.configuration.path) {
                    // One with a body is refused, and its body not waited for.
                    state = .waiting(head, isWhole: UpgradeRequest.hasBody(head))
                    return startIfDue(context)
                }
                unanswered += 1
                isLastRequest = isLastRequest || head.headers.contains(name: "upgrade")
                guard beginHTTP(context) else { return }
            }
            context.fireChannelRead(data)
        case .waiting(let head, _):
            if case .end = unwrapInboundIn(data) {
                state = .waiting(head, isWhole: true)
                startIfDue(context)
            }
        case .deciding, .closing:
            break  // what follows the head of a request that is ours, or that was refused
        case .upgrading:
            held.append(data)  // raw bytes that the decoder handed on when it was removed
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        state = .closing
        http?.succeed(nil)
        http = nil
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        http?.succeed(nil)
        http = nil
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? HTTPParserError else {
            return context.fireErrorCaught(error)  // the network's, which ends the connection
        }
        switch state {
        case .http where unanswered == 0: break
        case .http: return context.fireErrorCaught(error)
        case .waiting, .deciding, .upgrading, .closing: return  // in what is thrown away
        }
        let refusal =
            error == .headerOverflow
            ? UpgradeRequest.Refusal(status: 431, message: "the request's headers are too many or too long")
            : UpgradeRequest.Refusal(status: 400, message: "the request is not HTTP/1.1")
        refuse(context, refusal)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is ChannelShouldQuiesceEvent:
            quiescing = true
            if unanswered == 0 { context.close(promise: nil) }
        case ChannelEvent.inputClosed:
            inputClosed = true
            context.fireUserInboundEventTriggered(event)
            if unanswered == 0 { inputEnded(context) }
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    /// The peer sends nothing more, and every request before that is answered: half a connection is not worth keeping,
    /// unless Hummingbird has it.
    private func inputEnded(_ context: ChannelHandlerContext) {
        switch state {
        case .http where http == nil: break
        case .http, .waiting, .deciding, .upgrading: context.close(promise: nil)
        case .closing: break  // ends by itself once the refusal is on its way
        }
    }

    // MARK: Outbound

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .upgrading = state {
            // The socket's own bytes, while this handler is on its way out.
            return context.write(data, promise: promise)
        }
        switch unwrapOutboundIn(data) {
        case .head(var head) where isLastRequest && unanswered == 1 && head.status.code >= 200:
            head.headers.replaceOrAdd(name: "connection", value: "close")
            return context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .head, .body:
            return context.write(data, promise: promise)
        case .end:
            break
        }
        unanswered -= 1
        context.write(data, promise: promise)
        guard unanswered == 0 else { return }
        if quiescing || isLastRequest {
            close(context)
        } else if case .waiting = state {
            context.flush()
            startIfDue(context)
        } else {
            timer.responseEnded(context)
        }
    }

    /// Hands the connection to Hummingbird with its first request.
    private func beginHTTP(_ context: ChannelHandlerContext) -> Bool {
        guard let promise = http else { return true }
        http = nil
        do {
            try context.pipeline.syncOperations.addHandler(HTTP1ToHTTPServerCodec(secure: false))
            promise.succeed(
                try HTTPChannel(
                    wrappingChannelSynchronously: context.channel,
                    configuration: .init(isOutboundHalfClosureEnabled: true)))
            return true
        } catch {
            promise.fail(error)
            context.close(promise: nil)
            return false
        }
    }

    // MARK: The decision

    private func startIfDue(_ context: ChannelHandlerContext) {
        guard case .waiting(let head, isWhole: true) = state, unanswered == 0 else { return }
        if inputClosed {
            inputEnded(context)
        } else {
            start(context, head)
        }
    }

    private func start(_ context: ChannelHandlerContext, _ head: HTTPRequestHead) {
        state = .deciding
        let (request, agreement): (EngineRequest, UpgradeRequest.Agreement)
        do throws(EngineError) {
            request = try EngineRequest(head)
        } catch {
            return refuse(context, error)
        }
        if request.transport == .polling {
            return refuse(context, .unknownTransport)
        }
        if request.sid != nil {
            return refuse(context, .unknownSession)
        }
        do throws(UpgradeRequest.Refusal) {
            agreement = try UpgradeRequest.agree(head, compression: loop.configuration.compression)
        } catch {
            return refuse(context, error)
        }
        let handshake = EngineHandshake(head: head, query: request.query, peer: context.remoteAddress)
        let gate = NIOLoopBound((gate: self, context: context), eventLoop: context.eventLoop)
        loop.admit { admitted in
            let (gate, context) = gate.value
            guard gate.isDeciding else { return false }
            if admitted {
                gate.authorize(context, handshake, agreement)
            } else {
                gate.refuse(context, .unavailable("too many handshakes wait here"))
            }
            return true
        }
    }

    /// Whether the peer still waits for the decision.
    private var isDeciding: Bool {
        if case .deciding = state { true } else { false }
    }

    private func authorize(
        _ context: ChannelHandlerContext, _ handshake: EngineHandshake, _ agreement: UpgradeRequest.Agreement
    ) {
        switch application.authorize(handshake) {
        case .now(let decision):
            decided(context, handshake, agreement, decision)
        case .later(let decide):
            let gate = NIOLoopBound((gate: self, context: context), eventLoop: context.eventLoop)
            let taken = loop.spawn { _ in
                let decision = await decide()
                let (gate, context) = gate.value
                guard gate.isDeciding else { return }
                gate.decided(context, handshake, agreement, decision)
            }
            if !taken {
                refuse(context, .unavailable("this node is stopping"))
            }
        }
    }

    private func decided(
        _ context: ChannelHandlerContext, _ handshake: EngineHandshake, _ agreement: UpgradeRequest.Agreement,
        _ decision: HandshakeDecision
    ) {
        switch decision {
        case .refuse(let error):
            refuse(context, error)
        case .accept(let extra, let applicationContext):
            loop.counters.handshakes.increment()
            var headers = agreement.headers
            headers.add(contentsOf: extra.map { ($0.name, $0.value) })
            upgrade(context, headers, agreement.deflate, applicationContext)
        }
    }

    private func upgrade(
        _ context: ChannelHandlerContext, _ headers: HTTPHeaders, _ deflate: DeflateAgreement?,
        _ applicationContext: any Sendable
    ) {
        state = .upgrading
        let head = HTTPResponseHead(version: .http1_1, status: .switchingProtocols, headers: headers)
        context.writeAndFlush(wrapOutboundOut(.head(head)), promise: nil)
        let pipeline = context.pipeline.syncOperations
        let transport = WebSocketTransport(loop: loop, context: applicationContext, deflate: deflate)
        pipeline.removeHandler(timer, promise: nil)
        pipeline.removeHandler(decoder).assumeIsolated()
            .flatMap { pipeline.removeHandler(self.encoder) }
            .flatMapThrowing {
                try pipeline.addHandler(transport, position: .after(self))
                for data in self.held {
                    context.fireChannelRead(data)
                }
                if !self.held.isEmpty {
                    context.fireChannelReadComplete()
                }
                self.held = []
                pipeline.removeHandler(context: context, promise: nil)
            }
            .whenFailure { _ in context.close(promise: nil) }
    }

    // MARK: Refusals

    private func refuse(_ context: ChannelHandlerContext, _ error: EngineError) {
        loop.counters.handshakesRefused.increment()
        var headers: HTTPHeaders = ["content-type": "application/json"]
        if let seconds = error.retryAfter {
            headers.add(name: "retry-after", value: "\(seconds)")
        }
        answer(context, error.status, headers, error.json)
    }

    private func refuse(_ context: ChannelHandlerContext, _ refusal: UpgradeRequest.Refusal) {
        loop.counters.handshakesRefused.increment()
        var headers: HTTPHeaders = ["content-type": "text/plain; charset=utf-8"]
        for (name, value) in refusal.headers {
            headers.add(name: name, value: value)
        }
        answer(context, refusal.status, headers, refusal.message + "\n")
    }

    private func answer(_ context: ChannelHandlerContext, _ status: Int, _ headers: HTTPHeaders, _ body: String) {
        state = .closing
        var headers = headers
        headers.add(name: "content-length", value: "\(body.utf8.count)")
        headers.add(name: "connection", value: "close")
        headers.add(name: "cache-control", value: "no-store")
        let head = HTTPResponseHead(version: .http1_1, status: .init(statusCode: status), headers: headers)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(string: body)))), promise: nil)
        context.write(wrapOutboundOut(.end(nil)), promise: nil)
        close(context)
    }

    /// Ends the connection once what was written is on its way. What the peer still sends is read and thrown away for a
    /// moment: a socket that is closed before that is reset, and the peer never sees the answer (RFC 9112, 9.6).
    private func close(_ context: ChannelHandlerContext) {
        state = .closing
        context.flush()
        context.close(mode: .output, promise: nil)
        timer.linger(context)
    }
}
