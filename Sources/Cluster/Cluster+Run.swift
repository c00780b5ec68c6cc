import Logging
import NIOCore
import RedisClient
import ServiceLifecycle
import Synchronization

extension Cluster {
    /// Takes the node's name, then renews its record and handles messages until it is told to stop; a graceful shutdown
    /// takes the node out of the registry at once. To be called once.
    ///
    /// While Redis is away it waits, and the node is not ready.
    ///
    /// - Throws: ``ClusterError`` `nameTaken` when another process with the node's name lives: at the start, or later
    ///   when this one was frozen and has been replaced.
    public func run() async throws {
        state.withLock { state in
            precondition(!state.hasRun, "a cluster runs once")
            state.hasRun = true
        }
        do {
            try await cancelWhenGracefulShutdown { try await self.live() }
        } catch is CancellationError where !Task.isCancelled {
            // The graceful shutdown ended it.
        }
        try Task.checkCancellation()
        await leave()
    }

    private func live() async throws {
        try await listen()
        try await join()
        let now = ContinuousClock.now
        state.withLock { state in
            state.membership.joined()
            state.hearing.began(now: now)
        }
        logger.info("joined the cluster", metadata: ["node": "\(name)", "incarnation": "\(incarnation)"])

        let heartbeat = subscriber.eventLoop.scheduleRepeatedTask(
            initialDelay: .zero, delay: TimeAmount(configuration.heartbeatInterval)
        ) { [pulse] _ in pulse.continuation.yield() }
        let tick = subscriber.eventLoop.scheduleRepeatedTask(
            initialDelay: .milliseconds(250), delay: .milliseconds(250)
        ) { _ in self.ticked() }
        defer {
            heartbeat.cancel()
            tick.cancel()
        }

        let lanes = state.withLock { Array($0.lanes.values) }
        try await withThrowingDiscardingTaskGroup { group in
            group.addTask { try await self.beatForever() }
            for lane in lanes {
                group.addTask { try await self.handle(lane) }
            }
        }
    }

    private func beatForever() async throws {
        for await _ in pulse.stream {
            async let canary: Void = sendCanary()
            try await beat()
            await canary
        }
        try Task.checkCancellation()
    }

    /// Subscribes before the name is claimed: whoever is in the registry hears.
    private func listen() async throws {
        try await listen(on: .own, keys.node(name))
        try await listen(on: .control, keys.control)
    }

    private func listen(on channel: Channel, _ name: String) async throws {
        try await persist("cannot subscribe") {
            try await self.subscriber.subscribe(.plain(name)) { [weak self] event in
                self?.heard(event, on: channel)
            }
        }
    }

    private func join() async throws {
        try await persist("cannot join the cluster") {
            try await self.redis.waitUntilConnected(timeout: .seconds(1))
            var claim = NameClaim(patience: self.configuration.claimPatience)
            var action = claim.started()
            while true {
                switch action {
                case .claim(let gone):
                    action = claim.answered(try await self.claim(replacing: gone), now: .now)
                case .countListeners:
                    action = claim.counted(others: try await self.countOthers())
                case .wait(let pause):
                    try await Task.sleep(for: pause)
                    action = claim.waited()
                case .granted:
                    return
                case .taken:
                    throw ClusterError(
                        .nameTaken,
                        "another node with the name \(self.name) is running:"
                            + " stop it, or set REJOIN_NODE to another name")
                }
            }
        }
    }

    private func claim(replacing gone: Incarnation?) async throws -> NameClaim.Answer {
        let fields = record().fields.flatMap { [RedisArgument.string($0), $1] }
        let reply = try await redis.eval(
            ClusterScript.claim, keys: [keys.nodes, keys.node(name)],
            arguments: [
                .string(name.description), .string(incarnation.description), .string(gone?.description ?? ""),
                .integer(configuration.deadAfter.wholeMilliseconds),
            ] + fields)
        guard let parts = reply.array, parts.count >= 3, parts[0].string == "held" else { return .granted }
        guard let holder = parts[1].string.flatMap({ Incarnation($0) }) else {
            throw ClusterError(.unavailable, "the record \(keys.node(name)) is not one of a node")
        }
        return .held(by: holder, heartbeat: parts[2].string.flatMap { Double($0) }.flatMap { Int(exactly: $0) } ?? 0)
    }

    /// How many listen on this node's channel beside this node; at least one when that cannot be told.
    private func countOthers() async throws -> Int {
        let reply = try await redis.send("PUBSUB", ["NUMSUB", .string(keys.node(name))])
        guard state.withLock({ $0.subscribed.contains(.own) }), let parts = reply.array, parts.count == 2,
            let count = parts[1].int
        else { return 1 }
        return max(0, count - 1)
    }

    /// Tries again until it works, or until the name is somebody else's.
    private func persist(_ complaint: Logger.Message, _ body: () async throws -> Void) async throws {
        var known = ""
        while true {
            do {
                return try await body()
            } catch let error as ClusterError where error.code == .nameTaken {
                throw error
            } catch {
                try Task.checkCancellation()
                let reason = String(describing: error)
                state.withLock { $0.membership.heartbeatFailed(reason) }
                if reason != known { logger.warning(complaint, metadata: ["error": "\(reason)"]) }
                known = reason
            }
            try await Task.sleep(for: .milliseconds(Int.random(in: 100...300)))
        }
    }

    /// Sends one heartbeat, and another when a node is listed whose record this one has not read.
    ///
    /// - Throws: ``ClusterError`` `nameTaken` only; while Redis is away the node goes on.
    func beat() async throws(ClusterError) {
        for _ in 0..<2 {
            let sentAt = ContinuousClock.now
            let record = record()
            let peers = state.withLock { state in
                Set(state.membership.list.records.keys).union(state.membership.list.unread).subtracting([name])
            }
            let fields = record.fields.flatMap { [RedisArgument.string($0), $1] }
            let reply: HeartbeatReply
            do {
                let value = try await redis.eval(
                    ClusterScript.heartbeat,
                    keys: [keys.nodes, keys.store, keys.node(name)] + peers.map { keys.node($0) },
                    arguments: [
                        .string(name.description), .string(incarnation.description),
                        .integer(configuration.deadAfter.wholeMilliseconds),
                        .string(configuration.storeID ?? ""), .integer(fields.count),
                    ] + fields + peers.map { .string($0.description) })
                reply = HeartbeatReply(value, readAt: sentAt)
            } catch {
                noteFailure(error.message)
                return
            }
            let (action, isComplete) = state.withLock { state in
                let action = state.membership.heartbeatAnswered(reply, sentAt: sentAt)
                return (action, state.membership.list.unread.isEmpty)
            }
            switch action {
            case .end:
                throw ClusterError(
                    .nameTaken, "another process has taken the node name \(name) while this one did not answer")
            case .drain:
                startDraining()
                for handler in state.withLock({ $0.onDrain }) { handler() }
            case .none: break
            }
            if isComplete { return }
        }
    }

    private func noteFailure(_ reason: String) {
        let isNew = state.withLock { state in
            defer { state.membership.heartbeatFailed(reason) }
            return state.membership.failure == nil
        }
        if isNew { logger.warning("heartbeat failed", metadata: ["error": "\(reason)"]) }
    }

    package func leave() async {
        state.withLock { $0.membership.left() }
        await subscriber.unsubscribe(.plain(keys.node(name)))
        await subscriber.unsubscribe(.plain(keys.control))
        do {
            _ = try await redis.eval(
                ClusterScript.leave, keys: [keys.nodes, keys.store, keys.node(name)],
                arguments: [.string(name.description), .string(incarnation.description)])
            logger.info("left the cluster", metadata: ["node": "\(name)"])
        } catch {
            logger.warning("could not leave the cluster", metadata: ["node": "\(name)", "error": "\(error.message)"])
        }
    }
}
