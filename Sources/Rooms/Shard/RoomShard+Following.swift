import Logging
import NIOCore
import RedisClient
import SocketIO

extension RoomShard {
    // MARK: Messages

    func received(_ event: RedisSubscriptionEvent, of name: RoomName) {
        guard let held = rooms[name], held.phase == .loading || held.phase == .loaded else { return }
        switch event {
        case .message(let buffer):
            guard let message = RoomMessage(buffer) else {
                context.counters.invalid.add()
                return
            }
            received(message, held)
        case .subscribed, .lost:
            guard held.phase == .loaded else { return }
            held.isDoubtful = true
            doubtPresence(held)
            checkSignal.send()
        }
    }

    private func received(_ message: RoomMessage, _ held: HeldRoom) {
        switch message {
        case .patch(let patch):
            if held.isReading || held.phase == .loading {
                held.replica.receivedWhileReading(patch)
            } else {
                took(held.replica.received(patch), held)
            }
        case .clockFree:
            held.lease.freed()
            leaseSignal.send()
        case .cast(let socket, let argument):
            guard held.phase == .loaded else { return }
            context.counters.casts.add()
            context.audience.broadcast(event: "cast", argument: argument.buffer, to: held, except: socket)
        case .presence(let message):
            received(message, held)
        }
    }

    /// Tells the room's sockets what has changed, and the acts that wait for it.
    func took(_ outcome: RoomReplica.Outcome, _ held: HeldRoom) {
        switch outcome {
        case .ignored:
            return
        case .gap:
            queueReading(held)
            return
        case .advanced:
            held.inFlight.reached(held.replica.position.version)
            if held.ticksPerSecond > 0, !held.lease.wasAsked { leaseSignal.send() }
            if held.phase == .loaded {
                tellPatch(held)
            } else {
                // Nobody was told where the room is.
                held.replica.forgetUntold()
            }
        case .replaced:
            held.inFlight.forgetSettling()
            guard held.phase == .loaded else { return }
            context.counters.snapshots.add()
            let argument = held.replica.snapshot().object.buffer
            context.audience.broadcast(event: "state", argument: argument, to: held)
        }
    }

    private func tellPatch(_ held: HeldRoom) {
        guard held.replica.isAnyUntold else { return }
        follow(held.pace.changed(now: eventLoop.now), held)
    }

    private func follow(_ action: PatchPace.Action, _ held: HeldRoom) {
        switch action {
        case .none:
            return
        case .wait(let deadline):
            let bound = NIOLoopBound(held, eventLoop: eventLoop)
            eventLoop.scheduleTask(deadline: deadline) { [weak self] in
                self?.assumeIsolated { shard in
                    let held = bound.value
                    let isAnyUntold = held.replica.isAnyUntold
                    shard.follow(held.pace.timeCame(isAnyUntold: isAnyUntold, now: shard.eventLoop.now), held)
                }
            }
        case .send:
            guard let argument = held.replica.takePatch() else {
                return follow(held.pace.left(isAnyUntold: false, now: eventLoop.now), held)
            }
            context.counters.patches.add()
            let bound = NIOLoopBound(held, eventLoop: eventLoop)
            let completion = BroadcastCompletion(on: eventLoop) { [weak self] in
                self?.assumeIsolated { shard in
                    let held = bound.value
                    let isAnyUntold = held.replica.isAnyUntold
                    shard.follow(held.pace.left(isAnyUntold: isAnyUntold, now: shard.eventLoop.now), held)
                }
            }
            context.audience.broadcast(event: "patch", argument: argument, to: held, completion: completion)
        }
    }

    // MARK: Reading what was missed

    func queueReading(_ held: HeldRoom) {
        guard !held.isQueued else { return }
        held.isQueued = true
        readingQueue.append(held.name)
        readingSignal.send()
    }

    func takeReadingQueue() -> [RoomName] {
        defer { readingQueue.removeAll() }
        return readingQueue
    }

    /// Reads a queued room; what fails is left to the next check.
    func readQueued(_ name: RoomName) async {
        guard let held = rooms[name] else { return }
        held.isQueued = false
        guard held.phase == .loaded else { return }
        do throws(RoomError) {
            try await read(held)
        } catch {
            held.isDoubtful = true
            context.logger.debug(
                "room not read",
                metadata: ["room": "\(name)", "error": "\(error.underlying.map { "\($0)" } ?? error.message)"])
        }
    }

    /// Reads what the replica misses from the room's log, or all of the room; or waits for the reading under way.
    func read(_ held: HeldRoom) async throws(RoomError) {
        if held.isReading {
            if let error = await held.readingEnd() { throw error }
            return
        }
        held.isReading = true
        held.replica.readingBegan()
        let asked = held.replica.position
        do throws(RoomError) {
            let reading = try await reading(held, from: asked)
            if held.phase == .loaded, reading.position != asked { context.counters.gapsFilled.add() }
            held.isReading = false
            absorb(held, reading, asked: asked)
            took(held.replica.readingEnded(), held)
            held.isDoubtful = false
        } catch {
            held.endReading(error: error)
            throw error
        }
        held.endReading(error: nil)
    }

    @discardableResult
    func absorb(_ held: HeldRoom, _ reading: RoomReading, asked: RoomPosition) -> RoomReplica.Outcome {
        if reading.invalid > 0 {
            context.counters.invalid.add(reading.invalid)
            context.logger.warning(
                "room holds what no act wrote", metadata: ["room": "\(held.name)", "fields": "\(reading.invalid)"])
        }
        let outcome = held.replica.received(reading, asked: asked)
        took(outcome, held)
        return outcome
    }

    func reading(_ held: HeldRoom, from position: RoomPosition) async throws(RoomError) -> RoomReading {
        let replicationID = try context.replicationID()
        let keys = held.keys
        let reply: RedisValue
        do throws(RedisError) {
            reply = try await context.redis.eval(
                RoomScripts.since, keys: [keys.room, keys.log, keys.acts],
                arguments: [
                    .string(keys.channelName), .string(replicationID), .string(RoomContext.freshEpoch()),
                    .string(position.epoch), .integer(position.version), .integer(context.limits.logLength),
                ])
        } catch {
            throw .unavailable(error)
        }
        guard let values = reply.array, values.count == 6, let actual = values[1].string,
            let reading = RoomReading(values[2...])
        else {
            context.counters.invalid.add()
            throw .unavailable()
        }
        context.correct(actual, used: replicationID)
        return reading
    }
}

extension Duration {
    fileprivate var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? .max : product &+ attoseconds / 1_000_000_000
    }
}

extension TimeAmount {
    init(_ duration: Duration) {
        self = .nanoseconds(duration.nanoseconds)
    }
}
