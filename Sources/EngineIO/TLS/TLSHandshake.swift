import CoreMetrics
import Logging
import NIOCore
import NIOSSL
import NIOTLS

/// Watches over the TLS handshake of a connection that was accepted, behind the handler that does it: who does not finish
/// it in time, or speaks no TLS, is closed and counted. Confined to its event loop.
final class TLSHandshake: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private enum State {
        case waiting, done, failed
    }

    private let counters: EngineCounters
    private let timeout: TimeAmount
    private let logger: Logger
    private var state = State.waiting
    private var timer: Scheduled<Void>?

    init(_ configuration: EngineConfiguration, counters: EngineCounters, logger: Logger) {
        self.counters = counters
        self.timeout = .nanoseconds(configuration.tlsHandshakeTimeout.wholeMilliseconds * 1_000_000)
        self.logger = logger
    }

    func handlerAdded(context: ChannelHandlerContext) {
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: timeout) {
            self.failed("not finished in time")
            context.close(promise: nil)
        }
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        timer?.cancel()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .handshakeCompleted? = event as? TLSUserEvent {
            state = .done
            timer?.cancel()
            timer = nil
        }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        switch state {
        case .waiting:
            failed("\(error)")
            context.close(promise: nil)
        case .failed:
            break
        // Most peers just go, without TLS's goodbye. WebSocket and HTTP see by themselves what is missing of a message.
        case .done where error as? NIOSSLError == .uncleanShutdown:
            break
        case .done:
            context.fireErrorCaught(error)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        if case .waiting = state { failed("the peer went away") }
        timer?.cancel()
        context.fireChannelInactive()
    }

    private func failed(_ reason: String) {
        guard case .waiting = state else { return }
        state = .failed
        counters.tlsFailures.increment()
        logger.debug("tls handshake failed", metadata: ["error": "\(reason)"])
    }
}
