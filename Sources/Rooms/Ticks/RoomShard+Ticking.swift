import Logging
import NIOCore
import RedisClient

/// A room whose clock this node has taken over.
struct TickingRoom: Sendable {
    let name: RoomName
    let token: String
}

extension RoomShard {
    /// Leases in one call of the script.
    private static let batch = 256
    /// How long a node that leaves lets others take its rooms' clocks before it takes them back.
    private static let pause: Duration = .seconds(1)

    // MARK: Children of run()

    /// Takes, keeps and gives up leases, and ticks the rooms whose clock is this node's: one child a room.
    nonisolated func tickRooms() async {
        await withDiscardingTaskGroup { group in
            for await _ in leaseSignal.stream {
                for room in await self.askForLeases() {
                    group.addTask { await self.tick(room) }
                }
            }
        }
    }

    // MARK: The leases

    /// Lets others tick: all leases are given up, and for a second none is taken. What nobody takes over is taken back,
    /// so that players who have yet to leave do not wait.
    func pauseTicking() {
        tickingPausedUntil = .now + Self.pause
        leaseSignal.send()
    }

    /// Gives up all leases, for good.
    func endTicking() async {
        tickingPausedUntil = .now + .seconds(3_600)
        _ = await askForLeases()
    }

    /// Only a room that was acted in, and that somebody is in here.
    private func shouldTick(_ held: HeldRoom) -> Bool {
        held.phase == .loaded && held.holders > 0 && held.replica.position.version > 0
    }

    private struct Asked {
        let held: HeldRoom
        let question: TickLease.Question
    }

    /// - Returns: the rooms whose clock is this node's since now.
    private func askForLeases() async -> [TickingRoom] {
        let now = ContinuousClock.now
        let isPaused = now < tickingPausedUntil
        var asked: [Asked] = []
        for held in rooms.values where held.ticksPerSecond > 0 {
            let question = held.lease.question(
                wanted: !isPaused && shouldTick(held), fresh: RoomContext.freshEpoch(), now: now)
            if let question { asked.append(Asked(held: held, question: question)) }
        }
        var begun: [TickingRoom] = []
        do throws(RedisError) {
            for start in stride(from: 0, to: asked.count, by: Self.batch) {
                try await ask(asked[start..<min(start + Self.batch, asked.count)], begun: &begun)
            }
        } catch {
            // Who ticks stops when its leases are over; what was asked is asked again.
            context.logger.debug("leases not asked for", metadata: ["error": "\(error)"])
        }
        return begun
    }

    private func ask(_ batch: ArraySlice<Asked>, begun: inout [TickingRoom]) async throws(RedisError) {
        var arguments: [RedisArgument] = [.integer(TickLease.life.milliseconds)]
        for asked in batch {
            let (word, token): (RedisArgument, String) =
                switch asked.question {
                case .take(let token): ("take", token)
                case .keep(let token): ("keep", token)
                case .give(let token): ("give", token)
                }
            arguments += [word, .string(token)]
        }
        let sent = ContinuousClock.now
        let reply = try await context.redis.eval(
            RoomScripts.leases, keys: batch.map(\.held.keys.tick), arguments: arguments)
        let now = ContinuousClock.now
        guard let values = reply.array, values.count == batch.count + 1, let time = values[0].int else {
            context.counters.invalid.add()
            return
        }
        tickClock.heard(time, at: now)
        for (asked, value) in zip(batch, values.dropFirst()) {
            let action = asked.held.lease.answered(asked.question, granted: value.int == 1, asked: sent, now: now)
            switch action {
            case .none: break
            case .begin(let token, let isTakeover):
                if isTakeover { context.counters.takeovers.add() }
                context.logger.debug(
                    "ticking room", metadata: ["room": "\(asked.held.name)", "takeover": "\(isTakeover)"])
                begun.append(TickingRoom(name: asked.held.name, token: token))
            case .end:
                context.logger.debug("ticks ended", metadata: ["room": "\(asked.held.name)"])
            }
        }
    }

    // MARK: Ticking

    /// Ticks a room for as long as its lease is this node's.
    ///
    /// Turns are due at fixed times from the first on. One is on its way at a time: those that are due meanwhile are
    /// skipped, and counted. A room that should not tick is passed over until its lease is given up: it may be wanted again
    /// before, and nobody else would tick it then.
    private func tick(_ room: TickingRoom) async {
        guard let ticksPerSecond = rooms[room.name]?.ticksPerSecond else { return }
        context.counters.runClocks(1)
        defer { context.counters.runClocks(-1) }
        let interval = Duration.nanoseconds(1_000_000_000 / Int64(ticksPerSecond))
        let seed = UInt64.random(in: .min ... .max)
        let first = ContinuousClock.now
        var number = 0
        while !Task.isCancelled {
            let now = ContinuousClock.now
            let due = Int((now - first) / interval) + 1
            guard due > number else {
                try? await Task.sleep(until: first + interval * number, tolerance: .zero, clock: .continuous)
                continue
            }
            context.counters.ticksSkipped.add(due - number - 1)
            number = due
            guard let held = rooms[room.name], held.lease.isHeld(room.token, at: now) else { return }
            guard shouldTick(held) else { continue }
            let tick = Tick(number: number, interval: interval, time: tickClock.time(at: now), seed: seed)
            let act = Act(id: nil, authority: .lease(token: room.token), decision: held.game.decision(tick))
            var place: RoomPosition?
            switch await perform(act, in: held, at: &place) {
            case .applied:
                held.lease.renewed(room.token, asked: now)
                context.counters.ticks.add()
            case .refused:
                context.counters.ticks.add()
            case .sessionEnded:
                held.lease.lost(room.token)
                context.logger.debug("ticks refused", metadata: ["room": "\(room.name)"])
            case .unavailable, .tooManyRooms:
                context.counters.ticksSkipped.add()
            }
        }
    }
}
