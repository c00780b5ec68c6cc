import RedisClient
@testable import Sessions
import TestSupport
import Testing

@Suite("agreed keys")
struct KeyRingTests {
    private func ring(_ redis: RedisClient) -> KeyRing {
        KeyRing(agreedThrough: redis, prefix: "rejoin:", clock: RedisClock(), logger: SessionCluster.logger)
    }

    private func isGenuine(_ credential: Credential, to ring: KeyRing) async throws -> Bool {
        if case .genuine = try await ring.read(credential.text) { true } else { false }
    }

    @Test("nodes that start at once agree on one key")
    func agreement() async throws {
        try await SessionCluster.run { cluster in
            let rings = (0..<8).map { _ in self.ring(cluster.redis) }
            #expect(!rings[0].isReady)
            #expect(throws: SessionError.self) { try rings[0].issueGuest() }
            try await withThrowingTaskGroup(of: Void.self) { group in
                for ring in rings { group.addTask { try await ring.agree() } }
                try await group.waitForAll()
            }
            #expect(try await cluster.server.command("HLEN", "rejoin:keys") == "1")
            for ring in rings {
                let credential = try ring.issueGuest()
                for other in rings {
                    #expect(
                        other.verify(credential)
                            == .valid(kind: .guest, issued: credential.issued, signedByCurrentKey: true))
                }
            }
        }
    }

    @Test("keys are written back when Redis lost them, also beside a newer one, and the oldest signs")
    func mergedBack() async throws {
        try await SessionCluster.run { cluster in
            let old = self.ring(cluster.redis)
            try await old.agree()
            let credential = try old.issueGuest()
            try await cluster.server.command("FLUSHALL")
            let late = self.ring(cluster.redis)
            try await late.agree()
            let lateCredential = try late.issueGuest()
            #expect(late.verify(credential) == .unknownKey)
            try await old.agree()
            #expect(try await cluster.server.command("HLEN", "rejoin:keys") == "2")
            // The other node looks the key up before it calls the credential forged.
            #expect(try await self.isGenuine(credential, to: late))
            #expect(try await self.isGenuine(lateCredential, to: old))
            #expect(
                late.verify(credential) == .valid(kind: .guest, issued: credential.issued, signedByCurrentKey: true))
            #expect(
                old.verify(lateCredential)
                    == .valid(kind: .guest, issued: lateCredential.issued, signedByCurrentKey: false))
        }
    }

    @Test("a running ring agrees by itself, and writes its keys back to a Redis that was replaced")
    func running() async throws {
        try await SessionCluster.run { cluster in
            let ring = self.ring(cluster.redis)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await ring.run() }
                try await eventually { ring.isReady }
                let credential = try ring.issueGuest()
                try await cluster.server.restart()
                try await eventually { try await cluster.server.command("HLEN", "rejoin:keys") == "1" }
                #expect(
                    ring.verify(credential)
                        == .valid(kind: .guest, issued: credential.issued, signedByCurrentKey: true))
                group.cancelAll()
                while let ended = await group.nextResult() { _ = ended }
            }
        }
    }

    @Test("a hundred credentials with unknown keys cost Redis two look-ups at most")
    func lookups() async throws {
        try await SessionCluster.run { cluster in
            let ring = self.ring(cluster.redis)
            try await ring.agree()
            let before = try await self.scripts(cluster)
            let texts = try (0..<100).map { _ in
                try CredentialKeys([CredentialKey.random()])
                    .issue(.guest, handle: .random(), secret: .random(), issued: 1).text
            }
            let believed = try await withThrowingTaskGroup(of: Bool.self, returning: Int.self) { group in
                for text in texts {
                    group.addTask {
                        if case .genuine = try await ring.read(text) { true } else { false }
                    }
                }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(believed == 0)
            #expect(try await self.scripts(cluster) - before <= 2)
        }
    }

    @Test("what is malformed or forged costs no round trip")
    func noRoundTrip() async throws {
        try await SessionCluster.run { cluster in
            let ring = self.ring(cluster.redis)
            try await ring.agree()
            let before = try await self.scripts(cluster)
            let text = try ring.issueGuest().text
            let forged = text.first == "A" ? "B" + text.dropFirst() : "A" + text.dropFirst()
            for text in [forged, "", "a.b.c", String(repeating: "a", count: 8192)] {
                guard case .worthless = try await ring.read(text) else {
                    Issue.record("\(text) is believed")
                    continue
                }
            }
            #expect(try await self.scripts(cluster) == before)
        }
    }

    @Test("while Redis is away an unknown key is unavailable, not forged")
    func unavailable() async throws {
        try await SessionCluster.run { cluster in
            let ring = self.ring(cluster.redis)
            try await ring.agree()
            let unknown = try CredentialKeys([CredentialKey.random()])
                .issue(.player, handle: .random(), secret: .random(), issued: 1)
            cluster.server.kill()
            let error = await #expect(throws: SessionError.self) { _ = try await ring.read(unknown.text) }
            #expect(error?.code == .unavailable)
            let known = try ring.issueGuest()
            #expect(try await self.isGenuine(known, to: ring))
        }
    }

    @Test("a caller that gives up leaves the look-up to those who wait with it")
    func cancelledLeader() async throws {
        try await SessionCluster.run { cluster in
            let ring = self.ring(cluster.redis)
            try await ring.agree()
            let unknown = try CredentialKeys([CredentialKey.random()])
                .issue(.player, handle: .random(), secret: .random(), issued: 1)
            // After this one the next look-up has to wait for a second.
            _ = try await ring.read(unknown.text)
            try await withThrowingTaskGroup(of: Bool.self) { group in
                let leader = Task { try await ring.read(unknown.text) }
                for _ in 0..<5 {
                    group.addTask {
                        if case .worthless = try await ring.read(unknown.text) { true } else { false }
                    }
                }
                leader.cancel()
                for try await isWorthless in group { #expect(isWorthless) }
            }
        }
    }

    @Test("foreign entries in the hash are ignored")
    func poisoned() async throws {
        try await SessionCluster.run { cluster in
            let ring = self.ring(cluster.redis)
            try await cluster.server.command("HSET", "rejoin:keys", "AAAAAAAA", "1:AAAA", "x", "y", "", "")
            await #expect(throws: SessionError.self) { try await ring.agree() }
            #expect(!ring.isReady)
        }
    }

    private func scripts(_ cluster: SessionCluster) async throws -> Int {
        let text = try await cluster.server.command("INFO", "commandstats")
        return text.split(separator: "\n").filter { $0.hasPrefix("cmdstat_eval") }.reduce(0) { sum, line in
            sum + (line.split(separator: "calls=").last?.split(separator: ",").first.flatMap { Int($0) } ?? 0)
        }
    }
}
