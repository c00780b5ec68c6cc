package import Logging
package import NIOCore
package import NIOHTTPTypes

/// Where one event loop's connections come in, and what is known of them until they are gone. Its methods may be called on
/// any thread; what it holds is confined to its event loop.
package final class Entrance: Sendable {
    private struct State {
        var listener: (any Channel)?
        var channels: [ObjectIdentifier: any Channel] = [:]
        var isClosing = false
    }

    package let eventLoop: any EventLoop
    private let shard: EngineShard
    private let engine: EngineServer
    private let serve: @Sendable (HTTPConversation) -> Bool
    private let onLost: @Sendable () -> Void
    private let logger: Logger
    private let onAccept: @Sendable (any Channel) -> Void
    private let state: NIOLoopBoundBox<State>
    private let end: EventLoopPromise<Void>

    /// - Parameters:
    ///   - serve: answers the requests of a connection that are not the engine's, and says whether it will.
    ///   - onLost: called when the system takes the listening socket away.
    package init(
        _ shard: EngineShard, engine: EngineServer, logger: Logger,
        serve: @escaping @Sendable (HTTPConversation) -> Bool, onLost: @escaping @Sendable () -> Void,
        onAccept: @escaping @Sendable (any Channel) -> Void
    ) {
        eventLoop = shard.eventLoop
        self.shard = shard
        self.engine = engine
        self.serve = serve
        self.onLost = onLost
        self.logger = logger
        self.onAccept = onAccept
        state = .makeBoxSendingValue(State(), eventLoop: eventLoop)
        end = eventLoop.makePromise()
    }

    /// - Parameter channel: listens from now on, on this event loop.
    package func listens(by channel: any Channel) {
        eventLoop.execute { [self] in
            state.value.listener = channel
            if state.value.isClosing { channel.close(promise: nil) }
        }
        // The system may take a listening socket away: a node that nobody can come to must not look well.
        channel.closeFuture.whenComplete { [self] _ in
            if !state.value.isClosing { onLost() }
        }
    }

    /// Takes a connection in, on the event loop.
    package func accept(_ channel: any Channel) throws {
        guard !state.value.isClosing, let loop = shard.local.value, let options = channel.syncOptions else {
            throw ChannelError.inappropriateOperationForState
        }
        try options.setOption(.allowRemoteHalfClosure, value: true)
        try options.setOption(.recvAllocator, value: ReceiveBuffers())
        // One buffer is kept for each.
        try options.setOption(.maxMessagesPerRead, value: 1)
        let high = engine.configuration.maximumQueuedBytes
        try options.setOption(.writeBufferWaterMark, value: .init(low: min(65_536, max(1, high / 2)), high: high))
        let pipeline = channel.pipeline.syncOperations
        if let tls = engine.configuration.tls {
            try pipeline.addHandlers([
                tls.makeServerHandler(),
                TLSHandshake(engine.configuration, counters: loop.counters, logger: logger),
            ])
        }
        try pipeline.addHandler(EngineGate(loop: loop, server: engine, serve: serve))
        state.value.channels[ObjectIdentifier(channel)] = channel
        loop.counters.channels.add(1)
        channel.closeFuture.assumeIsolated().whenComplete { [state, end] _ in
            loop.counters.channels.add(-1)
            state.value.channels.removeValue(forKey: ObjectIdentifier(channel))
            if state.value.isClosing, state.value.channels.isEmpty { end.succeed() }
        }
        onAccept(channel)
    }

    /// Accepts nothing more, and has every connection end as soon as it can.
    package func quiesce() {
        close { $0.pipeline.fireUserInboundEventTriggered(ChannelShouldQuiesceEvent()) }
    }

    /// Accepts nothing more, and ends every connection.
    package func close() {
        close { $0.close(promise: nil) }
    }

    private func close(_ body: @escaping @Sendable (any Channel) -> Void) {
        eventLoop.execute { [state, end] in
            state.value.isClosing = true
            state.value.listener?.close(promise: nil)
            for channel in state.value.channels.values { body(channel) }
            if state.value.channels.isEmpty { end.succeed() }
        }
    }

    /// Waits until the last connection has ended, after ``quiesce()`` or ``close()``.
    package func closed() async {
        // It only ever succeeds.
        try? await end.futureResult.get()
    }
}

/// The system closed the socket on which clients came.
package struct ListenerLost: Error, CustomStringConvertible {
    package init() {}

    package var description: String { "the listening socket was closed by the system, start anew" }
}

/// A connection whose requests are not the engine's, from its first such request on.
package struct HTTPConversation: Sendable {
    package let eventLoop: any EventLoop
    package let channel: NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart>
}
