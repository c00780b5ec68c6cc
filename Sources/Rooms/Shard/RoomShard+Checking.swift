import Logging
import RedisClient

extension RoomShard {
    /// Rooms in one call of a script.
    private static let batch = 256
    /// How long a message may be on its way while the version is known already.
    private static let grace: Duration = .milliseconds(200)
    /// Rooms that are read at the same time.
    private static let concurrentReadings = 32

    private struct Place {
        let held: HeldRoom
        let asked: RoomPosition
    }

    // MARK: Children of run()

    nonisolated func readQueuedRooms() async {
        for await _ in readingSignal.stream {
            let names = await takeReadingQueue()
            await withDiscardingTaskGroup { group in
                for chunk in 0..<min(Self.concurrentReadings, names.count) {
                    group.addTask {
                        for index in stride(from: chunk, to: names.count, by: Self.concurrentReadings) {
                            await self.readQueued(names[index])
                        }
                    }
                }
            }
        }
    }

    nonisolated func checkRooms() async {
        for await _ in checkSignal.stream {
            await check()
            await endIdle()
        }
    }

    // MARK: The check

    /// Every room may have missed messages.
    func doubtAll() {
        for held in rooms.values {
            held.isDoubtful = true
            doubtPresence(held)
        }
        checkSignal.send()
    }

    /// Compares every room with Redis, and has those read that are behind.
    private func check() async {
        let places = rooms.values.filter { $0.phase == .loaded }.map { Place(held: $0, asked: $0.replica.position) }
        guard !places.isEmpty else { return }
        var late: [(held: HeldRoom, version: Int)] = []
        do throws(RedisError) {
            for start in stride(from: 0, to: places.count, by: Self.batch) {
                let batch = places[start..<min(start + Self.batch, places.count)]
                // A reading that began before does not answer a doubt that came after.
                let doubtful = batch.map(\.held.isDoubtful)
                let reply = try await context.redis.eval(
                    RoomScripts.versions, keys: batch.map(\.held.keys.room), arguments: [])
                guard let values = reply.array, values.count == 3 * batch.count else {
                    context.counters.invalid.add()
                    return
                }
                for (index, place) in batch.enumerated() {
                    compare(place, values[(3 * index)...], isDoubtful: doubtful[index], late: &late)
                }
            }
            try await refreshIfDue(places.map(\.held))
        } catch {
            context.logger.debug("rooms not checked", metadata: ["error": "\(error)"])
            return
        }
        guard !late.isEmpty else { return }
        try? await Task.sleep(for: Self.grace)
        for (held, version) in late where held.replica.position.version < version { queueReading(held) }
    }

    private func compare(
        _ place: Place, _ values: ArraySlice<RedisValue>, isDoubtful: Bool, late: inout [(held: HeldRoom, version: Int)]
    ) {
        let held = place.held
        let start = values.startIndex
        guard held.phase == .loaded, let epoch = values[start + 1].string, let bound = values[start + 2].string else {
            return
        }
        let version = values[start].int ?? 0
        let isBound = version == 0 || bound == (try? context.replicationID())
        if version == 0
            ? !place.asked.epoch.isEmpty : epoch != place.asked.epoch || version < place.asked.version || !isBound
        {
            // The script decides what that means; it may be over already.
            if held.replica.position == place.asked || !isBound { queueReading(held) }
            return
        }
        if version > held.replica.position.version {
            if isDoubtful { queueReading(held) } else { late.append((held, version)) }
        } else if isDoubtful {
            held.isDoubtful = false
        }
    }

    /// Rooms that somebody is in are not forgotten.
    private func refreshIfDue(_ held: [HeldRoom]) async throws(RedisError) {
        let interval = min(context.limits.idle / 8, .seconds(3_600))
        guard ContinuousClock.now - lastRefresh >= interval else { return }
        lastRefresh = .now
        let keys = held.filter { $0.holders > 0 && $0.replica.position.version > 0 }.flatMap {
            [$0.keys.room, $0.keys.log]
        }
        for start in stride(from: 0, to: keys.count, by: Self.batch) {
            _ = try await context.redis.eval(
                RoomScripts.refresh, keys: Array(keys[start..<min(start + Self.batch, keys.count)]),
                arguments: [.integer(context.limits.idle.milliseconds)])
        }
    }
}
