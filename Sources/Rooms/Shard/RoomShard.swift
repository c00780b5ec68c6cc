import EngineIO
import NIOCore
import RedisClient

/// The rooms whose home is one event loop, which it runs on.
actor RoomShard {
    nonisolated let eventLoop: any EventLoop
    nonisolated let executor: EventLoopExecutor
    nonisolated let context: RoomContext
    /// Says that rooms are queued for reading.
    nonisolated let readingSignal = Signal()
    /// Says that a check must not wait for its time.
    nonisolated let checkSignal = Signal()
    /// Says that leases are to be asked for before their time.
    nonisolated let leaseSignal = Signal()
    var rooms: [RoomName: HeldRoom] = [:]
    var readingQueue: [RoomName] = []
    var lastRefresh = ContinuousClock.now
    /// Says that presence is to be written or read of the queued rooms.
    nonisolated let presenceSignal = Signal()
    /// Says that what Redis knows of presence here is to be renewed.
    nonisolated let renewalSignal = Signal()
    var presenceQueue: [RoomName] = []
    /// When nodes were in the registry last.
    var lastLive: [NodeStart: ContinuousClock.Instant] = [:]
    var lastRenewal = ContinuousClock.now
    var tickClock = TickClock()
    var tickingPausedUntil = ContinuousClock.now

    nonisolated var unownedExecutor: UnownedSerialExecutor {
        executor.asUnownedSerialExecutor()
    }

    init(eventLoop: any EventLoop, context: RoomContext) {
        self.eventLoop = eventLoop
        self.executor = .of(eventLoop)
        self.context = context
    }

    /// Runs on the event loop, at once when called there.
    nonisolated func onLoop(_ body: @escaping @Sendable (isolated RoomShard) -> Void) {
        if eventLoop.inEventLoop {
            assumeIsolated(body)
        } else {
            eventLoop.execute { self.assumeIsolated(body) }
        }
    }

    func loadedRoom(_ name: RoomName) -> HeldRoom? {
        guard let held = rooms[name], held.phase == .loaded else { return nil }
        return held
    }

    // MARK: Entering and leaving

    func enter(
        _ name: RoomName, since known: RoomPosition?, as member: RoomMember, on socketLoop: (any EventLoop)?,
        handOver: Rooms.HandOver
    ) async throws(RoomError) -> JoinAnswer {
        let held = hold(name)
        // Before it is told where the room is: nothing that the room says then may pass it by.
        held.listeners.add(on: socketLoop)
        do throws(RoomError) {
            try await load(held)
            if held.ticksPerSecond > 0, held.holders == 1 { leaseSignal.send() }
            return try await answer(held, since: known) { answer in
                joined(held, member)
                answer.presence = held.presence.board.full(in: name)
                handOver(answer)
            }
        } catch {
            held.listeners.remove(on: socketLoop)
            release(held)
            throw error
        }
    }

    func answer(
        _ name: RoomName, since known: RoomPosition?, handOver: Rooms.HandOver
    ) async throws(RoomError) -> JoinAnswer {
        guard let held = loadedRoom(name) else { throw .notJoined }
        return try await answer(held, since: known) { answer in
            answer.presence = held.presence.board.full(in: name)
            handOver(answer)
        }
    }

    func leave(
        _ name: RoomName, as member: RoomMember, on socketLoop: (any EventLoop)?, _ departure: RoomDeparture
    ) {
        guard let held = rooms[name] else { return }
        if held.holders > 0 { held.listeners.remove(on: socketLoop) }
        departed(held, member, departure)
        release(held)
    }

    func hold(_ name: RoomName) -> HeldRoom {
        let held: HeldRoom
        if let known = rooms[name] {
            held = known
        } else {
            held = context.held(name)
            rooms[name] = held
            context.counters.hold(1)
        }
        held.holders += 1
        return held
    }

    func release(_ held: HeldRoom) {
        guard held.holders > 0 else { return }
        held.holders -= 1
        guard held.holders == 0 else { return }
        held.idleSince = .now
        held.listeners = RoomListeners()
        if held.ticksPerSecond > 0 { leaseSignal.send() }
        forget(held)
    }

    /// Drops a room that is not followed and that nobody is in.
    private func forget(_ held: HeldRoom) {
        guard held.holders == 0, held.phase == .idle, rooms[held.name] === held else { return }
        rooms[held.name] = nil
        context.counters.hold(-1)
    }

    /// Follows the room: subscribes first, then reads, so that nothing falls in between.
    func load(_ held: HeldRoom) async throws(RoomError) {
        while held.phase != .loaded {
            if held.phase != .idle {
                if let error = await held.phaseEnd() { throw error }
                continue
            }
            held.phase = .loading
            let name = held.name
            do throws(RedisError) {
                try await context.subscriber.subscribe(held.keys.channel) { [weak self] event in
                    self?.onLoop { $0.received(event, of: name) }
                }
            } catch {
                held.endPhase(.idle, error: .unavailable(error))
                throw .unavailable(error)
            }
            do throws(RoomError) {
                // One that began before the subscription says nothing of what came in between.
                while held.isReading { _ = await held.readingEnd() }
                try await read(held)
                await readPresence(held)
            } catch {
                await context.subscriber.unsubscribe(held.keys.channel)
                held.endPhase(.idle, error: error)
                throw error
            }
            // What was heard while presence was read; nobody is told where the room is yet.
            took(held.replica.readingEnded(), held)
            held.endPhase(.loaded)
        }
    }

    /// Ends the subscriptions of rooms that nobody has been in for a while.
    func endIdle() async {
        let now = ContinuousClock.now
        let idle = rooms.values.filter {
            $0.phase == .loaded && $0.holders == 0 && now - $0.idleSince >= context.limits.linger
                && !$0.presence.isOwed
                && !$0.lease.isHeld(at: now)
        }
        for held in idle where held.phase == .loaded && held.holders == 0 {
            held.phase = .closing
            await context.subscriber.unsubscribe(held.keys.channel)
            held.endPhase(.idle)
            forget(held)
        }
    }

    // MARK: Answers

    /// - Parameter complete: called once with the answer, in the turn of the event loop in which it is computed: what is
    ///   returned may come a turn later, after a patch.
    private func answer(
        _ held: HeldRoom, since known: RoomPosition?, complete: (inout JoinAnswer) -> Void
    ) async throws(RoomError) -> JoinAnswer {
        let replica = held.replica
        func completed(_ answer: JoinAnswer) -> JoinAnswer {
            var answer = answer
            complete(&answer)
            return answer
        }
        guard let known else { return completed(replica.snapshot()) }
        // The first may be one that began before the question; the second is not.
        for _ in 0..<2 where replica.isAhead(known) { try await read(held) }
        guard isWithinLog(known, replica.position) else { return completed(replica.snapshot()) }
        if let answer = replica.patches(since: known) { return completed(answer) }
        let reading = try await reading(held, from: known)
        if case .entries(let entries) = reading.content, reading.position.epoch == replica.position.epoch {
            absorb(held, reading, asked: known)
            if let answer = replica.patches(since: known, older: entries) { return completed(answer) }
        }
        return completed(replica.snapshot())
    }

    private func isWithinLog(_ known: RoomPosition, _ position: RoomPosition) -> Bool {
        known.epoch == position.epoch && known.version <= position.version
            && position.version - known.version <= context.limits.logLength
    }

    /// All of the room, also of one that this node does not follow.
    func snapshot(_ name: RoomName) async throws(RoomError) -> JoinAnswer {
        if let held = loadedRoom(name) { return held.replica.snapshot() }
        let held = context.held(name)
        let asked = held.replica.position
        _ = held.replica.received(try await reading(held, from: asked), asked: asked)
        return held.replica.snapshot()
    }
}
