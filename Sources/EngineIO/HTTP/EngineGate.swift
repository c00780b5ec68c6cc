import CoreMetrics
import DequeModule
import NIOCore
import NIOHTTP1
import NIOHTTPTypes
import NIOHTTPTypesHTTP1

/// Takes the requests of the engine's path out of what a connection brings, whatever comes before and after them, and
/// either answers them or makes the connection a WebSocket. What else there is goes on to Hummingbird.
///
/// At first it is alone, and reads the bytes themselves: what opens a WebSocket needs no more. With anything else it
/// takes its place between the HTTP decoder and Hummingbird.
///
/// Confined to its event loop.
final class EngineGate: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart
    typealias HTTPChannel = NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>

    enum State {
        /// Requests are Hummingbird's, until one of ours comes.
        case http
        /// One of ours is being read, decided about or answered.
        case engine(EngineGateRequest)
        case upgrading
        case closing
    }

    let loop: EngineLoop
    let server: EngineServer
    /// The handlers before this one; nil as long as it reads the bytes.
    private(set) var http: HTTPHandlers?
    var state = State.http
    private(set) var context: ChannelHandlerContext?
    /// What came behind the request that makes the connection a WebSocket.
    var rawBytes: [NIOAny] = []
    private let serve: @Sendable (HTTPConversation) -> Bool
    private var isHummingbirds = false
    private var arrival: UInt64?
    /// The channel's, to be used while that is active; negative: only the channel can read and write, since it encrypts.
    private(set) var descriptor: CInt = -1
    /// Requests of Hummingbird's that are not answered yet.
    private var unanswered = 0
    /// Whether an answer of Hummingbird's has begun and not ended.
    private var isAnswering = false
    /// Whether the body of a request of Hummingbird's is still to come, which may be answered before.
    private var isBodyExpected = false
    private(set) var quiescing = false
    private var inputClosed = false
    /// What the peer says next is no HTTP, or another protocol that nobody here speaks: the decoder reads nothing more.
    private(set) var isLastRequest = false
    /// What came behind a request that must be answered first. No more is read meanwhile than one read brings.
    var held = Deque<HTTPServerRequestPart>()
    private var isReadWanted = false
    private var isResuming = false

    init(
        loop: EngineLoop, server: EngineServer, serve: @escaping @Sendable (HTTPConversation) -> Bool
    ) {
        self.loop = loop
        self.server = server
        self.serve = serve
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
    }

    func channelActive(context: ChannelHandlerContext) {
        context.fireChannelActive()
        guard context.channel.isActive else { return }
        if loop.configuration.tls == nil { descriptor = KernelSocket.descriptor(of: context.channel) }
        // Most clients have sent their request by now.
        if !openedAtOnce(context) { arrival = loop.arrivals.add(context.channel) }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        spoke()
    }

    private func spoke() {
        if let number = arrival { loop.arrivals.spoke(number) }
        arrival = nil
    }

    // MARK: Inbound

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch state {
        case .http where http == nil:
            spoke()
            opened(context, unwrapBytes(data))
        case .engine where http == nil:
            rawBytes.append(data)
        case .http, .engine:
            let part = unwrapInboundIn(data)
            if !held.isEmpty || !take(part, context) {
                held.append(part)
            }
        case .upgrading:
            rawBytes.append(data)
        case .closing:
            break
        }
    }

    func read(context: ChannelHandlerContext) {
        if isReadPaused {
            isReadWanted = true
        } else {
            context.read()
        }
    }

    /// Whether what the peer says next is not to be taken yet.
    private var isReadPaused: Bool {
        if case .engine(let request) = state, request.relay?.isFull == true { return true }
        return !held.isEmpty || (http == nil && !rawBytes.isEmpty)
    }

    /// Reads what was not to be taken before.
    func readOn() {
        guard isReadWanted, !isReadPaused else { return }
        isReadWanted = false
        context?.read()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if case .engine(let request) = state {
            request.relay?.setReading(context.channel.isWritable)
        }
        context.fireChannelWritabilityChanged()
    }

    /// - Returns: Whether the part's turn had come.
    @discardableResult
    func take(_ part: HTTPServerRequestPart, _ context: ChannelHandlerContext) -> Bool {
        switch (state, part) {
        case (.http, .head(let head)) where head.headers["host"].count > 1:
            // RFC 9112 3.2
            guard unanswered == 0 else { return false }
            http?.timer.headReceived()
            refuse(UpgradeRequest.Refusal(status: 400, message: "one Host is expected"), head)
        case (.http, .head(let head)):
            if EngineRequest.isOurs(head, path: loop.configuration.path) {
                guard unanswered == 0 else { return false }
                http?.timer.headReceived()
                isLastRequest = isLastRequest || head.headers.contains(name: "upgrade")
                begin(head)
                return true
            }
            http?.timer.headReceived()
            unanswered += 1
            isLastRequest = isLastRequest || head.headers.contains(name: "upgrade")
            if UpgradeRequest.hasBody(head) {
                isBodyExpected = true
                http?.timer.bodyExpected(context) { self.bodyIsLate(head) }
            }
            guard beginHummingbirds(context) else { return true }
            context.fireChannelRead(wrapInboundOut(part))
        case (.http, .end):
            isBodyExpected = false
            http?.timer.bodyReceived()
            context.fireChannelRead(wrapInboundOut(part))
            if unanswered == 0 { http?.timer.responseEnded(context) }
        case (.http, .body):
            context.fireChannelRead(wrapInboundOut(part))
        case (.engine(let request), .body(let bytes)) where !request.isWhole:
            received(bytes, of: request)
        case (.engine(let request), .end) where !request.isWhole:
            received(request)
        case (.engine, _):
            return false
        case (.upgrading, _), (.closing, _):
            break  // behind the last request
        }
        return true
    }

    /// Every request so far is answered: on to what was held meanwhile.
    func resume(_ context: ChannelHandlerContext) {
        guard !isResuming else { return }
        isResuming = true
        var count = held.count
        while let part = held.first, take(part, context) {
            // What was taken may have ended the connection, and thrown away all that was held.
            _ = held.popFirst()
        }
        isResuming = false
        count -= held.count
        if count > 0 {
            // Hummingbird's channel hands its application what came when a read is complete.
            context.fireChannelReadComplete()
        }
        if held.isEmpty {
            held = Deque()
            readOn()
        }
        guard case .http = state, unanswered == 0 else { return }
        if isLastRequest || quiescing {
            close()
        } else {
            if !isBodyExpected { http?.timer.responseEnded(context) }
            if inputClosed { inputEnded(context) }
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        abandon()
        state = .closing
        held = Deque()
        spoke()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let error = error as? HTTPParserError else {
            return context.fireErrorCaught(error)  // the network's, which ends the connection
        }
        isLastRequest = true
        let refusal =
            error == .headerOverflow
            ? UpgradeRequest.Refusal(status: 431, message: "the request's headers are too many or too long")
            : UpgradeRequest.Refusal(status: 400, message: "the request is not HTTP/1.1")
        switch state {
        case .http where unanswered == 0 && held.isEmpty:
            loop.counters.handshakesRefused.increment()
            refuse(refusal, HTTPRequestHead(version: .http1_1, method: .GET, uri: "/"))
        case .http where held.isEmpty:
            context.fireErrorCaught(error)
        case .engine(let request) where !request.isWhole:
            abandon()
            loop.counters.requestsRefused.increment()
            answer(.refusal(refusal))
        case .http, .engine:
            break  // behind requests that are to be answered first
        case .upgrading, .closing:
            break  // in what is thrown away
        }
    }

    /// Answers in the place of Hummingbird, which has no request that is not answered; the connection ends.
    private func refuse(_ refusal: UpgradeRequest.Refusal, _ head: HTTPRequestHead) {
        isLastRequest = true
        state = .engine(EngineGateRequest(head))
        answer(.refusal(refusal))
    }

    /// A body for Hummingbird did not come whole in time: whatever waits for it waits no longer.
    private func bodyIsLate(_ head: HTTPRequestHead) {
        guard case .http = state else { return }
        loop.counters.payloadTimeouts.increment()
        guard unanswered == 1, !isAnswering else {
            context?.close(promise: nil)
            return
        }
        unanswered = 0
        refuse(UpgradeRequest.Refusal(status: 408, message: "the request's body did not come whole in time"), head)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        switch event {
        case is ChannelShouldQuiesceEvent:
            quiescing = true
            if case .engine(let request) = state {
                quiesce(request)
            } else if unanswered == 0 {
                context.close(promise: nil)
            }
        case ChannelEvent.inputClosed:
            inputClosed = true
            context.fireUserInboundEventTriggered(event)
            if unanswered == 0 { inputEnded(context) }
        default:
            context.fireUserInboundEventTriggered(event)
        }
    }

    /// The peer sends nothing more, and every request of Hummingbird's before that is answered: half a connection is not
    /// worth keeping, unless Hummingbird has it.
    private func inputEnded(_ context: ChannelHandlerContext) {
        switch state {
        case .http where isHummingbirds: break
        case .http, .engine, .upgrading: context.close(promise: nil)
        case .closing: break  // ends by itself once the refusal is on its way
        }
    }

    // MARK: Outbound

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .upgrading = state {
            // The socket's own bytes, while this handler is on its way out.
            return context.write(data, promise: promise)
        }
        if case .closing = state {
            // What Hummingbird says to a request that was answered in its place.
            promise?.fail(ChannelError.ioOnClosedChannel)
            return
        }
        let part = unwrapOutboundIn(data)
        if case .head(let head) = part, head.status.code >= 200 { isAnswering = true }
        switch part {
        case .head(var head) where isLastRequest && held.isEmpty && unanswered == 1 && head.status.code >= 200:
            head.headers.replaceOrAdd(name: "connection", value: "close")
            return context.write(wrapOutboundOut(.head(head)), promise: promise)
        case .head, .body:
            return context.write(data, promise: promise)
        case .end:
            break
        }
        isAnswering = false
        unanswered -= 1
        context.write(data, promise: promise)
        guard unanswered == 0 else { return }
        if quiescing || (isLastRequest && held.isEmpty) {
            close()
        } else {
            if !held.isEmpty { context.flush() }
            resume(context)
        }
    }

    // MARK: HTTP

    /// What HTTP takes besides this handler.
    struct HTTPHandlers {
        let timer: RequestTimer
        let encoder: HTTPResponseEncoder
        let decoder: ByteToMessageHandler<HTTPRequestDecoder>
    }

    /// Puts HTTP's handlers before this one.
    func beginHTTP(_ context: ChannelHandlerContext) {
        guard http == nil else { return }
        var limits = NIOHTTPDecoderLimitConfiguration()
        limits.maxHeaderFieldCount = loop.configuration.maximumHeaders
        limits.maxHeaderListSize = loop.configuration.maximumHeadBytes
        limits.maxHeaderFieldSize = loop.configuration.maximumHeadBytes
        let handlers = HTTPHandlers(
            timer: RequestTimer(loop.configuration), encoder: HTTPResponseEncoder(),
            decoder: ByteToMessageHandler(
                HTTPRequestDecoder(leftOverBytesStrategy: .forwardBytes, limitConfiguration: limits)))
        http = handlers
        do {
            try context.pipeline.syncOperations.addHandlers(
                [handlers.timer, handlers.encoder, handlers.decoder], position: .before(self))
        } catch {
            context.close(promise: nil)
        }
    }

    /// Hands the connection to Hummingbird with its first request.
    private func beginHummingbirds(_ context: ChannelHandlerContext) -> Bool {
        guard !isHummingbirds else { return true }
        isHummingbirds = true
        do {
            try context.pipeline.syncOperations.addHandler(
                HTTP1ToHTTPServerCodec(secure: loop.configuration.tls != nil))
            let channel = try HTTPChannel(
                wrappingChannelSynchronously: context.channel,
                configuration: .init(isOutboundHalfClosureEnabled: true))
            if serve(HTTPConversation(eventLoop: context.eventLoop, channel: channel)) { return true }
        } catch {
            // Closed, like one that nobody serves.
        }
        context.close(promise: nil)
        return false
    }
}
