@testable import RejoinServer
import Testing

@Suite("what the doctor says of a Redis's settings")
struct RedisSettingsTests {
    private static let fit = [
        "redis_version": "7.0.15", "role": "master", "maxmemory": "0", "maxmemory_policy": "noeviction",
        "used_memory": "1000000", "aof_enabled": "1", "connected_slaves": "0",
    ]
    private static let config = [
        "min-replicas-to-write": "0", "appendfsync": "everysec", "save": "",
        "client-output-buffer-limit":
            "normal 0 0 0 slave 268435456 67108864 60 pubsub 33554432 8388608 60",
    ]

    /// The verdict on one check, when these values differ from a fit Redis's.
    private func verdict(
        _ check: String, info: [String: String] = [:], config: [String: String]? = [:]
    ) -> Finding.Verdict? {
        let settings = RedisSettings(
            info: Self.fit.merging(info) { $1 }, config: config.map { Self.config.merging($0) { $1 } })
        return settings.findings.first { $0.check == check }?.verdict
    }

    @Test("a fit one has nothing to do")
    func fit() {
        for finding in RedisSettings(info: Self.fit, config: Self.config).findings {
            #expect(finding.verdict == .ok && finding.expected.isEmpty && finding.advice.isEmpty, "\(finding)")
        }
    }

    @Test("the version is 7 or later")
    func version() {
        for text in ["7.0.0", "7.4.1", "8.0.0", "10.1"] {
            #expect(verdict("redis.version", info: ["redis_version": text]) == .ok)
        }
        for text in ["6.2.14", "5", "", "unknown", "v7"] {
            #expect(verdict("redis.version", info: ["redis_version": text]) == .fail)
        }
    }

    @Test("a replica takes no writes")
    func role() {
        #expect(verdict("redis.role", info: ["role": "slave"]) == .fail)
    }

    @Test("nothing is evicted; a policy that never comes to it is a warning, a full memory too")
    func memory() {
        #expect(verdict("redis.memory", info: ["maxmemory_policy": "allkeys-lru", "maxmemory": "1000000"]) == .fail)
        #expect(verdict("redis.memory", info: ["maxmemory_policy": "volatile-ttl"]) == .warn)
        #expect(verdict("redis.memory", info: ["maxmemory": "2000000"]) == .ok)
        #expect(verdict("redis.memory", info: ["maxmemory": "1000001"]) == .warn)
        #expect(verdict("redis.memory", info: ["maxmemory": "x"]) == .warn)
    }

    @Test("what is not on the disk every second is a warning")
    func persistence() {
        #expect(verdict("redis.persistence", info: ["aof_enabled": "0"]) == .warn)
        #expect(verdict("redis.persistence", info: ["aof_enabled": "0"], config: ["save": "3600 1"]) == .warn)
        #expect(verdict("redis.persistence", info: ["aof_enabled": "0"], config: nil) == .warn)
        #expect(verdict("redis.persistence", config: ["appendfsync": "no"]) == .warn)
        #expect(verdict("redis.persistence", config: ["appendfsync": "always"]) == .ok)
        #expect(verdict("redis.persistence", config: nil) == .ok)
    }

    @Test("replicas are waited for where there are any, and no more than there are")
    func replicas() {
        #expect(verdict("redis.replicas", info: ["connected_slaves": "1"]) == .warn)
        let one = ["min-replicas-to-write": "1"]
        #expect(verdict("redis.replicas", info: ["connected_slaves": "1"], config: one) == .ok)
        #expect(verdict("redis.replicas", config: one) == .fail)
        #expect(verdict("redis.replicas", config: nil) == .warn)
    }

    @Test("subscribers have 8 MiB, or no limit")
    func pubSubBuffer() {
        func verdict(_ limits: String) -> Finding.Verdict? {
            self.verdict("redis.pubsub-buffer", config: ["client-output-buffer-limit": limits])
        }
        #expect(verdict("pubsub 0 0 0") == .ok)
        #expect(verdict("pubsub 8388608 0 0") == .ok)
        #expect(verdict("normal 0 0 0 pubsub 33554432 8388607 60") == .warn)
        #expect(verdict("pubsub 1048576 0 0") == .warn)
        for broken in ["", "pubsub", "pubsub 1 2", "normal 0 0 0", "pubsub x y z"] {
            #expect(verdict(broken) == .warn)
        }
        #expect(self.verdict("redis.pubsub-buffer", config: nil) == .warn)
    }

    @Test("a reply of INFO is lines of names and values")
    func info() {
        var settings = RedisSettings()
        settings.read(info: "# Server\r\nredis_version:7.0.15\r\nexecutable:/a:b\r\nno colon\r\n\r\n")
        #expect(settings.info == ["redis_version": "7.0.15", "executable": "/a:b"])
    }
}
