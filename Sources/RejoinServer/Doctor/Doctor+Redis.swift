import Cluster
import FoundationEssentials
import NIOCore
import NIOPosix
import RedisClient
import Sessions

/// The Redis of the cluster, and what it tells of the nodes.
extension Doctor {
    /// - Returns: what was found, and the ids of the accounts stores that the nodes have; `nil` when they are not known.
    func examineRedis() async throws -> (findings: [Finding], storeIDs: Set<String>?) {
        let redisConfiguration = try configuration.requireRedis()
        let redis = RedisClient(
            configuration: redisConfiguration, eventLoop: MultiThreadedEventLoopGroup.singleton.next(), logger: logger)
        let subscriber = RedisSubscriber(
            configuration: redisConfiguration, eventLoop: MultiThreadedEventLoopGroup.singleton.next(), logger: logger)
        return await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await redis.run() }
            group.addTask { try await subscriber.run() }
            defer { group.cancelAll() }
            do throws(RedisError) {
                try await redis.waitUntilConnected(timeout: .seconds(3))
            } catch {
                return (
                    [
                        .fail(
                            "redis.connection", "\(error)", expected: "a Redis that answers",
                            advice: Self.advice(for: redis.failure))
                    ], nil
                )
            }
            return await examine(redis, subscriber)
        }
    }

    /// - Parameter failure: why there is no connection.
    private static func advice(for failure: RedisError?) -> String {
        guard case .server(let word) = failure?.code, ["WRONGPASS", "NOAUTH", "NOPERM"].contains(word) else {
            return "check redis.url, the network, and that Redis runs"
        }
        return "check the user and the password in redis.url, and what that user may do (docs/operations.md)"
    }

    private func examine(
        _ redis: RedisClient, _ subscriber: RedisSubscriber
    ) async -> (findings: [Finding], storeIDs: Set<String>?) {
        var findings: [Finding] = [.ok("redis.connection", "\(redis.configuration)")]
        findings += await asking("redis.info") { try await settings(of: redis).findings }
        // Of a replica nothing more is to be known.
        if findings.contains(where: { $0.check == "redis.role" && $0.verdict == .fail }) { return (findings, nil) }
        let user = await self.user(of: redis)
        findings.append(await RedisPermissions(redis: redis, prefix: configuration.redisPrefix, user: user).finding())
        findings.append(password(redis.configuration))
        findings.append(await pubSub(redis, subscriber))
        findings.append(await script(redis))
        findings += await asking("redis.latency") { [try await latency(of: redis)] }
        findings += await asking("clock") { [try await clock(of: redis)] }
        var storeIDs: Set<String>?
        findings += await asking("cluster.nodes") {
            let (nodes, ids) = try await nodes(redis)
            storeIDs = ids
            return nodes
        }
        return (findings, storeIDs)
    }

    /// What cannot be asked is unfit.
    private func asking(_ check: String, _ question: () async throws -> [Finding]) async -> [Finding] {
        do {
            return try await question()
        } catch {
            return [
                .fail(
                    check, "\(error)", expected: "an answer within redis.command-timeout",
                    advice: "see what Redis says of it in its log, and what redis.acl says here")
            ]
        }
    }

    private func settings(of redis: RedisClient) async throws(RedisError) -> RedisSettings {
        var settings = RedisSettings()
        for section in ["server", "memory", "persistence", "replication"] {
            settings.read(info: try await redis.send("INFO", [.string(section)]).string ?? "")
        }
        do throws(RedisError) {
            let reply = try await redis.send("CONFIG", ["GET"] + RedisSettings.names.map { .string($0) }).array ?? []
            var config: [String: String] = [:]
            for index in stride(from: 0, to: reply.count - 1, by: 2) {
                if let name = reply[index].string { config[name] = reply[index + 1].string }
            }
            settings.config = config
        } catch {
            // Not allowed, or not there: providers take it away. What depends on it is said to be unknown.
            guard case .server = error.code else { throw error }
        }
        return settings
    }

    private func user(of redis: RedisClient) async -> String {
        do throws(RedisError) {
            return try await redis.send("ACL", ["WHOAMI"]).string ?? "default"
        } catch {
            // It may not ask who it is; the address says it.
            return redis.configuration.user ?? "default"
        }
    }

    private func password(_ redis: RedisConfiguration) -> Finding {
        let isLocal = RequestSource(
            scheme: .http, host: redis.host.contains(":") ? "[\(redis.host)]" : redis.host, address: nil
        ).isLoopback
        guard redis.password == nil, !isLocal else {
            return .ok("redis.password", redis.password == nil ? "none, on loopback" : "given")
        }
        return .warn(
            "redis.password", "Redis asks for none, and is not on loopback", expected: "a user with a password",
            advice: "set one, or whoever reaches Redis is everybody")
    }

    /// Both kinds of subscriptions that nodes have, heard once.
    private func pubSub(_ redis: RedisClient, _ subscriber: RedisSubscriber) async -> Finding {
        let name = "\(configuration.redisPrefix)doctor:{\(String(UInt64.random(in: .min ... .max), radix: 36))}"
        let advice = "give the user the channels &\(configuration.redisPrefix)* and the commands subscribe, ssubscribe"
        for (channel, publish) in [(RedisChannel.plain(name), "PUBLISH"), (.sharded(name), "SPUBLISH")] {
            let (heard, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
            do throws(RedisError) {
                let deadline = ContinuousClock.now + .seconds(2)
                while !subscriber.isConnected, ContinuousClock.now < deadline {
                    do { try await Task.sleep(for: .milliseconds(10)) } catch { break }
                }
                try await subscriber.subscribe(channel) { event in
                    if case .message = event { continuation.yield() }
                }
                _ = try await redis.send(publish, [.string(name), "1"])
            } catch {
                return .fail("redis.pubsub", "\(error)", expected: "subscriptions and messages", advice: advice)
            }
            let timer = subscriber.eventLoop.scheduleTask(in: .seconds(1)) { continuation.finish() }
            var iterator = heard.makeAsyncIterator()
            let isHeard = await iterator.next() != nil
            timer.cancel()
            await subscriber.unsubscribe(channel)
            guard isHeard else {
                return .fail(
                    "redis.pubsub", "a message was not heard within a second",
                    expected: "that this Redis passes messages on", advice: "connect to Redis itself, not to a proxy")
            }
        }
        return .ok("redis.pubsub", "messages are heard, plain and sharded")
    }

    /// A session's script, on a session that there is none of.
    private func script(_ redis: RedisClient) async -> Finding {
        do {
            let store = SessionStore(
                redis: redis, prefix: configuration.redisPrefix, life: try NodeParts.life(configuration),
                clock: RedisClock(), logger: logger)
            let begin = ContinuousClock.now
            _ = try await store.touch([SessionTouch(.random(), slides: false)])
            return .ok("redis.script", "a session's script ran, in \(Self.text(ContinuousClock.now - begin))")
        } catch {
            return .fail(
                "redis.script", "\(error)", expected: "that scripts run",
                advice: "see what redis.acl and redis.commands say here, and Redis in its log")
        }
    }

    private func latency(of redis: RedisClient) async throws(RedisError) -> Finding {
        var times: [Duration] = []
        for _ in 0..<21 {
            let begin = ContinuousClock.now
            _ = try await redis.send("PING", [])
            times.append(ContinuousClock.now - begin)
        }
        times.sort()
        let found = "\(Self.text(times[10])), \(Self.text(times[20])) at worst of 21"
        return times[10] > .milliseconds(10)
            ? .warn(
                "redis.latency", found, expected: "10 ms at most: every act waits for Redis once",
                advice: "put nodes and Redis beside each other")
            : .ok("redis.latency", found)
    }

    private func clock(of redis: RedisClient) async throws(RedisError) -> Finding {
        let before = Date()
        let reply = try await redis.send("TIME", []).array ?? []
        let middle = before.addingTimeInterval(Date().timeIntervalSince(before) / 2)
        guard reply.count == 2, let seconds = reply[0].string.flatMap({ Double($0) }),
            let microseconds = reply[1].string.flatMap({ Double($0) })
        else { throw RedisError(code: .protocolViolation, message: "redis did not tell the time") }
        return Self.clock(difference: middle.timeIntervalSince1970 - seconds - microseconds / 1_000_000)
    }

    /// - Parameter difference: this machine's clock less Redis's, in seconds.
    static func clock(difference: Double) -> Finding {
        let milliseconds = Int((difference * 1_000).rounded())
        let found = "this machine's is \(abs(milliseconds)) ms \(milliseconds < 0 ? "behind" : "ahead of") Redis's"
        return abs(difference) > 2
            ? .warn(
                "clock", found, expected: "2 s of difference at most",
                advice: "let both machines keep time by NTP: logs and lists mislead otherwise")
            : .ok("clock", found)
    }

    private func nodes(_ redis: RedisClient) async throws -> (findings: [Finding], storeIDs: Set<String>) {
        let nodes = try await NodeDirectory.fetch(redis: redis, prefix: configuration.redisPrefix)
        let storeIDs = Set(nodes.compactMap(\.storeID))
        guard !nodes.isEmpty else { return ([.ok("cluster.nodes", "none runs")], storeIDs) }
        let names = nodes.map(\.name.description).joined(separator: ", ")
        var findings: [Finding] = []
        let unfit = nodes.filter { $0.state != .ready }
        findings.append(
            unfit.isEmpty
                ? .ok("cluster.nodes", "\(nodes.count) ready: \(names)")
                : .warn(
                    "cluster.nodes",
                    unfit.map { "\($0.name) is \($0.state.rawValue)\($0.reason.isEmpty ? "" : ": \($0.reason)")" }
                        .joined(separator: "; "), expected: "\(nodes.count) ready nodes",
                    advice: "see the logs of these nodes"))
        let versions = Set(nodes.map(\.version))
        if versions.count > 1 {
            findings.append(
                .warn(
                    "cluster.versions", versions.sorted().joined(separator: ", "), expected: "one version",
                    advice: "finish the rollout"))
        }
        return (findings, storeIDs)
    }

    private static func text(_ duration: Duration) -> String {
        let microseconds = duration / .microseconds(1)
        return microseconds < 10_000
            ? "\((microseconds / 100).rounded() / 10) ms" : "\(Int((microseconds / 1_000).rounded())) ms"
    }
}
