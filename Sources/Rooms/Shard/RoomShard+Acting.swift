import Logging
import NIOCore
import RedisClient
import SocketIO

/// One act on its way.
struct Act {
    /// Nil: nobody asks for it twice, so it is not remembered.
    let id: ActID?
    let authority: ActAuthority
    let decision: Decision

    var isTick: Bool {
        if case .lease = authority { true } else { false }
    }
}

extension RoomShard {
    /// How long an applied act's message may take before the room's log is read.
    private static let settlingTime: TimeAmount = .milliseconds(100)
    /// How long an act waits for a connection that has just been lost.
    private static let reconnection: Duration = .milliseconds(300)
    /// A decision that takes longer holds up all rooms of its event loop.
    private static let slowDecision: Duration = .milliseconds(1)

    func act(
        _ name: RoomName, id: ActID, action: JSONBytes, by player: Player, authority: ActAuthority
    ) async -> ActResult {
        guard let held = loadedRoom(name) else {
            return .unavailable(message: "this node does not follow the room; join it again")
        }
        let result: ActResult
        do throws(Refusal) {
            let decision = try held.game.decision(action, by: player)
            var position: RoomPosition?
            result = await perform(Act(id: id, authority: authority, decision: decision), in: held, at: &position)
        } catch {
            result = .refused(error)
        }
        count(result)
        return result
    }

    func count(_ result: ActResult) {
        switch result {
        case .applied: context.counters.acts.add()
        case .refused, .tooManyRooms, .sessionEnded: context.counters.refusals.add()
        case .unavailable: context.counters.unavailable.add()
        }
    }

    /// Decides an act and takes it to Redis, as often as others are faster.
    ///
    /// - Parameter place: gets where an applied act is in the log.
    func perform(_ act: Act, in held: HeldRoom, at place: inout RoomPosition?) async -> ActResult {
        let inFlight = held.inFlight
        let claim = inFlight.makeID()
        let expiry = ContinuousClock.now + context.limits.actWait
        var conflicts = 0
        // Whoever has waited has waited for the ticks before it, too.
        var isBehindTicks = !act.isTick
        while true {
            let verdict = decide(act, in: held)
            // A tick writes only what changes something, and begins no room.
            if act.isTick, verdict.position.version == 0 || verdict.changesNothing(in: held.replica) {
                inFlight.wake()
                return .refused(verdict.refusal ?? .rejected("the tick changes nothing"))
            }
            if inFlight.isBlocked(verdict.reads) || (isBehindTicks && inFlight.isBarred(verdict.writes)) {
                inFlight.wake()
                switch await turn(claim, isTick: act.isTick, for: verdict, in: held, until: expiry) {
                case .decideAgain:
                    inFlight.unclaim(claim)
                    isBehindTicks = false
                    continue
                case .expired:
                    return .unavailable(message: "too many acts on the same fields; try again")
                }
            }
            if verdict.refusal == nil { inFlight.claim(claim, writes: verdict.writes) }
            inFlight.wake()

            let reply: CommitReply
            do throws(RoomError) {
                reply = try await commit(act, verdict, in: held)
            } catch {
                inFlight.release(claim)
                return .unavailable(message: error.message)
            }
            switch reply {
            case .applied(let position):
                settle(claim, at: position, in: held)
                place = position
                return .applied(version: position.version)
            case .known(let position):
                inFlight.release(claim)
                place = position
                return .applied(version: position.version)
            case .current:
                inFlight.release(claim)
                return .refused(verdict.refusal ?? .rejected("the act changes nothing"))
            case .sessionEnded, .leaseLost:
                inFlight.release(claim)
                return .sessionEnded
            case .tooManyFields:
                inFlight.release(claim)
                return .refused(.tooLarge("a room has at most \(context.limits.maximumFields) fields"))
            case .tooManyRooms(let retryAfter):
                inFlight.release(claim)
                return .tooManyRooms(retryAfter: retryAfter)
            case .tooManyBytes:
                inFlight.release(claim)
                return .refused(.tooLarge("a room has at most \(context.limits.maximumRoomBytes) bytes"))
            case .conflict(let reading):
                let outcome = absorb(held, reading, asked: verdict.position)
                inFlight.release(claim)
                conflicts += 1
                context.counters.conflicts.add()
                guard conflicts < context.limits.maximumDecisions else {
                    return .refused(.conflict("others change the same at the same time; try again"))
                }
                if outcome == .gap {
                    do throws(RoomError) {
                        try await read(held)
                    } catch {
                        return .unavailable(message: error.message)
                    }
                }
            }
        }
    }

    private func decide(_ act: Act, in held: HeldRoom) -> Verdict {
        let start = ContinuousClock.now
        let verdict = Verdict(act.decision, of: held.game, in: held.replica, limits: context.limits)
        let duration = ContinuousClock.now - start
        if duration > Self.slowDecision {
            context.counters.slowDecisions.add()
            context.logger.debug(
                "slow decision",
                metadata: [
                    "game": "\(type(of: held.game))", "room": "\(held.name)",
                    "microseconds": "\(TimeAmount(duration).nanoseconds / 1_000)",
                ])
        }
        return verdict
    }

    /// Waits until what the act read may be current.
    private func turn(
        _ claim: ActsInFlight.ID, isTick: Bool, for verdict: Verdict, in held: HeldRoom,
        until expiry: ContinuousClock.Instant
    ) async -> ActsInFlight.Turn {
        let remaining = expiry - .now
        // A room has one tick at a time: it does not count.
        guard remaining > .zero, isTick || held.inFlight.waitingCount < context.limits.maximumWaitingActs else {
            return .expired
        }
        let name = held.name
        var timer: Scheduled<Void>?
        let turn = await withCheckedContinuation {
            // From here on it waits: a timer that begins before could find nobody.
            timer = eventLoop.scheduleTask(in: TimeAmount(remaining)) { [weak self] in
                self?.assumeIsolated { $0.rooms[name]?.inFlight.expire(claim) }
            }
            held.inFlight.wait(
                claim, isTick: isTick, reads: verdict.reads, writes: verdict.writes, continuation: $0)
        }
        timer?.cancel()
        return turn
    }

    /// Keeps back those that read what the act wrote until the replica has it.
    private func settle(_ claim: ActsInFlight.ID, at position: RoomPosition, in held: HeldRoom) {
        let reached = held.replica.position
        if reached.epoch == position.epoch, reached.version >= position.version {
            held.inFlight.release(claim)
        } else {
            held.inFlight.settle(claim, version: position.version)
            watchSettling(held)
        }
    }

    /// Reads the room when a message that must come does not.
    private func watchSettling(_ held: HeldRoom) {
        guard !held.isSettlingWatched, let version = held.inFlight.settlingVersion else { return }
        held.isSettlingWatched = true
        let name = held.name
        eventLoop.scheduleTask(in: Self.settlingTime) { [weak self] in
            self?.assumeIsolated { shard in
                guard let held = shard.rooms[name] else { return }
                held.isSettlingWatched = false
                if held.inFlight.settlingVersion == version { shard.queueReading(held) }
                shard.watchSettling(held)
            }
        }
    }

    // MARK: The script

    private func commit(_ act: Act, _ verdict: Verdict, in held: HeldRoom) async throws(RoomError) -> CommitReply {
        do throws(RedisError) {
            return try await attempt(act, verdict, in: held)
        } catch {
            // The server is no primary any more, or the connection ended; the id makes it safe to ask again.
            guard act.id != nil, error.code == .closed || error.code == .server("READONLY") else {
                throw .unavailable(error)
            }
        }
        do throws(RedisError) {
            try await context.redis.waitUntilConnected(timeout: Self.reconnection)
            return try await attempt(act, verdict, in: held)
        } catch {
            throw .unavailable(error)
        }
    }

    private func attempt(_ act: Act, _ verdict: Verdict, in held: HeldRoom) async throws(RedisError) -> CommitReply {
        let replicationID: String
        do throws(RoomError) {
            replicationID = try context.replicationID()
        } catch {
            throw RedisError(code: .unavailable, message: error.message)
        }
        let call = CommitCall(
            act, verdict, keys: held.keys, prefix: context.prefix, limits: context.limits,
            replicationID: replicationID)
        let value = try await context.redis.eval(RoomScripts.commit, keys: call.keys, arguments: call.arguments)
        guard let (reply, actual) = CommitReply.parse(value) else {
            context.counters.invalid.add()
            throw RedisError(code: .protocolViolation, message: "an answer that the commit script does not give")
        }
        if let actual { context.correct(actual, used: replicationID) }
        return reply
    }
}
