public import NIOCore

/// An Engine.IO v4 server over the event loops of one group. Sendable; what it holds a loop lives in its shards.
public final class EngineServer: Sendable {
    public let configuration: EngineConfiguration
    public let counters: EngineCounters
    public let shards: [EngineShard]
    let application: any EngineApplication
    private let shardOfLoop: [ObjectIdentifier: EngineShard]

    /// - Parameters:
    ///   - eventLoops: those that accept connections; every connection stays on the one that accepted it.
    ///   - application: what runs on top; asked for every handshake.
    public init(
        configuration: EngineConfiguration, eventLoops: [any EventLoop], application: any EngineApplication
    ) {
        self.configuration = configuration
        self.counters = EngineCounters()
        self.application = application
        self.shards = eventLoops.map { EngineShard(eventLoop: $0) }
        self.shardOfLoop = Dictionary(uniqueKeysWithValues: shards.map { (ObjectIdentifier($0.eventLoop), $0) })
    }

    /// Makes every shard ready; to be awaited before the first connection is accepted.
    public func start() async throws {
        let handshakes = HandshakeBudget(configuration)
        for (index, shard) in shards.enumerated() {
            try await shard.start(
                application, index: index, configuration: configuration, counters: counters, handshakes: handshakes
            ).get()
        }
    }

    /// Runs the shards' work until ``stop()``.
    public func run() async {
        await withDiscardingTaskGroup { group in
            for shard in shards {
                group.addTask { await shard.run() }
            }
        }
    }

    /// Ends the shards once their work is done. Connections are to be closed before, by ``drain(within:reason:)``.
    public func stop() {
        for shard in shards {
            shard.stop()
        }
    }

    /// Closes every connection, and every other node's that passes through here, in batches spread over a time, so that the other nodes take them in one by one.
    public func drain(within time: Duration, reason: CloseReason = .transportClose) async {
        let batches = 20
        let pause = time / batches
        let clock = ContinuousClock()
        let begin = clock.now
        for batch in 1...batches {
            var left = 0
            for shard in shards {
                left += await shard.close(fraction: batches - batch + 1, reason)
            }
            if left == 0 { return }
            let next = begin + pause * batch
            do {
                try await clock.sleep(until: next)
            } catch {
                break  // told to hurry: close the rest at once
            }
        }
        for shard in shards {
            _ = await shard.close(fraction: 1, reason)
        }
    }

    package func shard(of eventLoop: any EventLoop) -> EngineShard? {
        shardOfLoop[ObjectIdentifier(eventLoop)]
    }

    /// Where a session of this node lives; `nil` when no session can have that `sid` here.
    func shard(of sid: SessionID) -> EngineShard? {
        guard sid.loop < shards.count, SessionID.node(of: sid.text[...]) == configuration.nodeName[...] else {
            return nil
        }
        return shards[sid.loop]
    }
}

extension EngineShard {
    /// Closes one of `fraction` of this shard's connections and tunnels, rounded up.
    ///
    /// - Returns: How many are left.
    func close(fraction: Int, _ reason: CloseReason) -> Int {
        guard let loop = local.value else { return 0 }
        let left = loop.close(atMost: (loop.connectionCount + fraction - 1) / fraction, reason)
        return left + loop.closeTunnels(atMost: (loop.tunnels.count + fraction - 1) / fraction)
    }
}
