import CoreMetrics
import Logging
import RedisClient
import Synchronization

/// A logout outlives the Redis that was told of it: every node keeps the endings it has heard of for a quarter of an
/// hour, and repeats them to a Redis that is not the one from before.
extension SessionService {
    func repeatEndingsToEveryNewRedis() {
        store.redis.onOpening { opening in
            let id = opening.server.replicationID
            guard let known = self.replicationID.withLock({ $0 }), known != id else {
                self.replicationID.withLock { $0 = id }
                return
            }
            let endings = self.recentEndings.all
            let returned = try await self.store.end(endings, again: opening)
            self.replicationID.withLock { $0 = id }
            guard !endings.isEmpty else { return }
            self.counters.repeatedEndings.increment(by: Int64(returned))
            self.logger.notice(
                "redis was replaced; logouts and revocations of the last 15 minutes were repeated",
                metadata: ["sessions": "\(endings.count)", "sessions.ended": "\(returned)"])
        }
    }
}

extension SessionStore {
    private static let endingsScript = RedisScript(name: "endings", source: PackageResources.endings_lua)

    /// Ends sessions again that a Redis may have brought back from before.
    ///
    /// - Parameter opening: a connection that no act has gone over yet.
    /// - Returns: how many had come back.
    func end(_ endings: [SessionEnding], again opening: RedisOpening) async throws(RedisError) -> Int {
        var returned = 0
        for start in stride(from: 0, to: endings.count, by: Self.touchBatch) {
            let batch = endings[start..<min(start + Self.touchBatch, endings.count)]
            var arguments: [RedisArgument] = [
                .integer(self.life.idle.milliseconds), .integer(self.life.grace.milliseconds),
            ]
            for ending in batch {
                arguments.append(.integer(ending.generation))
                arguments.append(ending.next.map { .integer($0) } ?? "")
            }
            let reply = try await opening.eval(
                Self.endingsScript, keys: batch.map { self.keys.session($0.handle) }, arguments: arguments)
            returned += reply.int ?? 0
        }
        return returned
    }
}
