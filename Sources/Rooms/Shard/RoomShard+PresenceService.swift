import Logging
import RedisClient
import Sessions

/// Presence: what Redis is told and asked.
extension RoomShard {
    /// Rooms in one call of a script, and of rooms that are served at the same time.
    private static let batch = 128
    private static let concurrentServices = 16
    /// Fields that are deleted by one call.
    private static let sweptFields = 1_024

    // MARK: Children of run()

    nonisolated func serveQueuedPresence() async {
        for await _ in presenceSignal.stream {
            let names = await takePresenceQueue()
            await withDiscardingTaskGroup { group in
                for chunk in 0..<min(Self.concurrentServices, names.count) {
                    group.addTask {
                        for index in stride(from: chunk, to: names.count, by: Self.concurrentServices) {
                            await self.servePresence(names[index])
                        }
                    }
                }
            }
        }
    }

    nonisolated func renewPresence() async {
        for await _ in renewalSignal.stream { await renew() }
    }

    private func takePresenceQueue() -> [RoomName] {
        defer { presenceQueue.removeAll() }
        return presenceQueue
    }

    func lookAtNodes() {
        let now = ContinuousClock.now
        for node in context.nodes.live() { lastLive[node] = now }
        lastLive = lastLive.filter { now - $0.value < .seconds(60) }
        for held in rooms.values where held.phase == .loaded {
            let presence = held.presence
            lookAtNodes(held)
            presence.board.expire(now: context.clock.now)
            if let suspicion = presence.suspicion {
                presence.suspicion = nil
                let known = presence.board.changes
                if known < suspicion.stored || known == suspicion.known { presence.isDoubtful = true }
            }
            if let confirmation = presence.confirmation, confirmation <= now {
                presence.confirmation = nil
                presence.isDoubtful = true
            }
            presenceChanged(held)
        }
    }

    // MARK: One room

    private func servePresence(_ name: RoomName) async {
        guard let held = rooms[name] else { return }
        let presence = held.presence
        presence.isQueued = false
        guard held.phase == .loaded, !presence.isBusy else { return schedulePresence(held) }
        presence.lastService = .now
        if presence.isDoubtful { await readPresence(held) }
        if presence.board.isUnwritten, presence.isRead { await writePresence(held) }
        if !presence.board.spent.isEmpty { await sweepPresence(held) }
        presenceChanged(held)
    }

    /// Reads all parts of a room. What fails is left to the next time.
    func readPresence(_ held: HeldRoom) async {
        let presence = held.presence
        presence.isBusy = true
        presence.isReading = true
        presence.isDoubtful = false
        presence.waiting.removeAll()
        defer {
            presence.isBusy = false
            presence.isReading = false
        }
        do throws(RedisError) {
            let source = context.redis.server?.replicationID
            let reply = try await context.redis.eval(RoomScripts.presenceRead, keys: [held.keys.here], arguments: [])
            guard let values = reply.array, values.count == 2, let time = values[0].int, let list = values[1].array
            else {
                context.counters.presenceInvalid.add()
                return
            }
            context.clock.heard(time)
            context.counters.presenceRead.add()
            let reading = PresenceReading(list, limit: PresenceBoard.maximumUsers)
            if reading.invalid > 0 { context.counters.presenceInvalid.add(reading.invalid) }
            // A reply of the connection from before says nothing of the Redis that is there now.
            guard context.redis.server?.replicationID == source else {
                presence.isDoubtful = true
                return
            }
            let isOlder =
                presence.isRead && (source != presence.readFrom || reading.changes < presence.board.changes)
            // Until the nodes had the time to write their parts again, however often it is read meanwhile.
            let isFromBefore = isOlder || presence.confirmation != nil
            presence.board.read(
                reading, isLive: { isLive($0, in: held) }, isFirst: !presence.isRead, isFromBefore: isFromBefore,
                now: context.clock.now)
            presence.isRead = true
            presence.readFrom = source
            if isOlder { presence.confirmation = .now + context.limits.presenceRenewal }
            for message in presence.waiting where presence.board.received(message, now: context.clock.now) == .gap {
                presence.isDoubtful = true
            }
        } catch {
            presence.isDoubtful = true
            notServed(held, error)
        }
    }

    private func writePresence(_ held: HeldRoom) async {
        let presence = held.presence
        presence.isBusy = true
        defer { presence.isBusy = false }
        let changes = presence.board.takeUnwritten()
        var arguments: [RedisArgument] = [
            .string(held.keys.channelName), .string(context.nodes.own.description),
            .integer(presence.board.ownWatchers), .integer(presenceLife),
        ]
        for (user, change) in changes {
            arguments += [.string(change.kind), .integer(change.since), .string(user), .string(change.name)]
        }
        do throws(RedisError) {
            let reply = try await context.redis.eval(
                RoomScripts.presence, keys: [held.keys.here], arguments: arguments)
            if let time = reply.array?.first?.int { context.clock.heard(time) }
            context.counters.presenceWritten.add()
        } catch {
            presence.board.giveBack(changes)
            presence.isDoubtful = true
            notServed(held, error)
        }
    }

    private func sweepPresence(_ held: HeldRoom) async {
        let presence = held.presence
        presence.isBusy = true
        defer { presence.isBusy = false }
        let fields = presence.board.takeSpent(Self.sweptFields)
        do throws(RedisError) {
            _ = try await context.redis.eval(
                RoomScripts.presenceSweep, keys: [held.keys.here],
                arguments: [.integer((context.limits.presenceRenewal * 5 / 2).milliseconds)]
                    + fields.map { .string($0) })
        } catch {
            // They end with the key, or somebody else deletes them.
            notServed(held, error)
        }
    }

    private func notServed(_ held: HeldRoom, _ error: RedisError) {
        context.logger.debug("presence not served", metadata: ["room": "\(held.name)", "error": "\(error)"])
    }

    /// For how long the key outlives the last node that follows the room, in ms.
    private var presenceLife: Int {
        (context.limits.presenceGrace + context.limits.presenceRenewal * 6).milliseconds
    }

    // MARK: All rooms

    /// Says of all rooms that this node still follows them, and finds out what it does not know of them.
    var isRenewalDue: Bool { ContinuousClock.now - lastRenewal >= context.limits.presenceRenewal }

    private func renew() async {
        lastRenewal = .now
        let rooms = rooms.values.filter { held in
            held.phase == .loaded && !held.presence.isBusy && held.presence.board.writtenWatchers != nil
        }
        for start in stride(from: 0, to: rooms.count, by: Self.batch) {
            await renew(Array(rooms[start..<min(start + Self.batch, rooms.count)]))
        }
    }

    private func renew(_ rooms: [HeldRoom]) async {
        var arguments: [RedisArgument] = [.string(context.nodes.own.description), .integer(presenceLife)]
        let asked = rooms.map { held in
            let board = held.presence.board
            let others = board.parts.keys.filter { $0 != board.own }
            arguments += [.integer(board.writtenWatchers ?? 0), .integer(others.count)]
            arguments += others.map { .string($0.description) }
            return (others: others, writtenWatchers: board.writtenWatchers)
        }
        do throws(RedisError) {
            let reply = try await context.redis.eval(
                RoomScripts.presenceRenew, keys: rooms.map(\.keys.here), arguments: arguments)
            guard let values = reply.array?.map({ $0.int ?? 0 }), let time = values.first,
                values.count == asked.reduce(1 + rooms.count, { $0 + $1.others.count })
            else {
                context.counters.presenceInvalid.add()
                return
            }
            context.clock.heard(time)
            var index = 1
            for (held, question) in zip(rooms, asked) {
                let stored = values[index]
                let stamps = zip(question.others, values[(index + 1)...])
                index += 1 + question.others.count
                let isAsAsked = !held.presence.isBusy && held.presence.board.writtenWatchers == question.writtenWatchers
                judge(held, stored: isAsAsked ? stored : nil, stamps: stamps, now: time)
            }
        } catch {
            context.logger.debug("presence not renewed", metadata: ["error": "\(error)"])
        }
    }

    /// - Parameters:
    ///   - stored: how many changes Redis has, -1 when it does not have this node's part; nil when that says nothing.
    ///   - stamps: when other nodes wrote last.
    private func judge(
        _ held: HeldRoom, stored: Int?, stamps: some Sequence<(NodeStart, Int)>, now: Int
    ) {
        let presence = held.presence
        if stored == -1 {
            doubtPresence(held)
        } else if let stored, stored != presence.board.changes {
            presence.suspicion = (stored, presence.board.changes)
        }
        let late = (context.limits.presenceRenewal * 5 / 2).milliseconds
        var silent = Set<NodeStart>()
        for (node, stamp) in stamps where now - stamp > late { silent.insert(node) }
        presence.gone = silent.intersection(presence.silent.union(presence.gone))
        presence.silent = silent
    }
}
