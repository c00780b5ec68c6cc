import RedisClient
@testable import Sessions
import TestSupport
import Testing

@Suite("limiting logins")
struct LoginLimiterTests {
    private func limiter(_ cluster: SessionCluster, _ change: (inout LoginLimits) -> Void = { _ in }) -> LoginLimiter {
        var limits = LoginLimits()
        change(&limits)
        return LoginLimiter(redis: cluster.redis, prefix: "rejoin:", limits: limits)
    }

    private func address(_ text: String) throws -> IPAddress { try #require(IPAddress(text)) }

    /// A guess that fails; the wait when it was not admitted.
    private func fail(
        _ limiter: LoginLimiter, _ account: String, _ address: IPAddress, browser: SessionHandle? = nil
    ) async throws -> Int? {
        switch try await limiter.admit(account: account, address: address, browser: browser) {
        case .limited(let retryAfter): return retryAfter
        case .admitted(let attempt):
            try await limiter.settle(attempt, as: .failed)
            return nil
        }
    }

    @Test(
        "after five failures for an account from one address every node says how long to wait, to the right password too"
    )
    func pair() async throws {
        try await SessionCluster.run { cluster in
            let limiter = self.limiter(cluster)
            let here = try self.address("192.0.2.1")
            for _ in 0..<5 { #expect(try await self.fail(limiter, "ann", here) == nil) }
            let wait = try #require(try await self.fail(self.limiter(cluster), "ann", here))
            #expect((29_000...30_000).contains(wait))
            #expect(try await self.fail(limiter, "ann", try self.address("192.0.2.2")) == nil)
            #expect(try await self.fail(limiter, "bob", here) == nil)
        }
    }

    @Test("each failure after the limit doubles the wait, up to the longest")
    func doubling() async throws {
        try await SessionCluster.run { cluster in
            let limiter = self.limiter(cluster) {
                $0.perAccountAndAddress = 2
                $0.firstWait = .milliseconds(40)
                $0.longestWait = .milliseconds(200)
            }
            let here = try self.address("192.0.2.1")
            var waits: [Int] = []
            while waits.count < 6 {
                guard case .admitted(let attempt) = try await limiter.admit(account: "ann", address: here) else {
                    continue
                }
                waits.append(try await limiter.settle(attempt, as: .failed))
            }
            #expect(waits == [0, 40, 80, 160, 200, 200])
        }
    }

    @Test("failures count in a window that slides")
    func window() async throws {
        try await SessionCluster.run { cluster in
            let limiter = self.limiter(cluster) {
                $0.perAccountAndAddress = 3
                $0.window = .milliseconds(1500)
                $0.firstWait = .milliseconds(1500)
                $0.verification = .milliseconds(100)
            }
            let here = try self.address("192.0.2.1")
            for _ in 0..<3 { #expect(try await self.fail(limiter, "ann", here) == nil) }
            #expect(try await self.fail(limiter, "ann", here) != nil)
            try await eventually { try await cluster.server.command("KEYS", "rejoin:limit:*") == "" }
            for _ in 0..<3 { #expect(try await self.fail(limiter, "ann", here) == nil) }
        }
    }

    @Test("200 guesses at once, over several nodes: five are tried")
    func concurrent() async throws {
        try await SessionCluster.run { cluster in
            let limiters = (0..<4).map { _ in self.limiter(cluster) }
            let here = try self.address("192.0.2.1")
            let tried = try await withThrowingTaskGroup(of: Bool.self, returning: Int.self) { group in
                for index in 0..<200 {
                    group.addTask {
                        let limiter = limiters[index % 4]
                        guard case .admitted(let attempt) = try await limiter.admit(account: "ann", address: here)
                        else { return false }
                        // A password takes a while to verify.
                        try await Task.sleep(for: .milliseconds(60))
                        try await limiter.settle(attempt, as: .failed)
                        return true
                    }
                }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(tried == 5)
        }
    }

    @Test("200 right passwords at once for as many accounts from one address all get in")
    func concurrentSuccess() async throws {
        try await SessionCluster.run { cluster in
            let limiter = self.limiter(cluster) { $0.patience = .seconds(10) }
            let here = try self.address("192.0.2.1")
            let admitted = try await withThrowingTaskGroup(of: Bool.self, returning: Int.self) { group in
                for index in 0..<200 {
                    group.addTask {
                        guard case .admitted(let attempt) = try await limiter.admit(account: "u\(index)", address: here)
                        else { return false }
                        try await limiter.settle(attempt, as: .succeeded)
                        return true
                    }
                }
                return try await group.reduce(0) { $0 + ($1 ? 1 : 0) }
            }
            #expect(admitted == 200)
        }
    }

    @Test("a success clears the failures for that account from that address")
    func success() async throws {
        try await SessionCluster.run { cluster in
            let limiter = self.limiter(cluster)
            let here = try self.address("192.0.2.1")
            for _ in 0..<3 {
                for _ in 0..<4 { #expect(try await self.fail(limiter, "ann", here) == nil) }
                guard case .admitted(let attempt) = try await limiter.admit(account: "ann", address: here) else {
                    Issue.record("limited before the fifth failure")
                    return
                }
                #expect(try await limiter.settle(attempt, as: .succeeded) == 0)
            }
        }
    }

    @Test("50 failures from one address limit it for every account; a network of IPv6 is one address")
    func perAddress() async throws {
        try await SessionCluster.run { cluster in
            let limiter = self.limiter(cluster)
            for index in 0..<50 {
                let here = try self.address("2001:db8:0:1::\(index + 1)")
                #expect(try await self.fail(limiter, "u\(index)", here) == nil)
            }
            #expect(try await self.fail(limiter, "new", try self.address("2001:db8:0:1:ffff::1")) != nil)
            #expect(try await self.fail(limiter, "new", try self.address("2001:db8:0:2::1")) == nil)
        }
    }

    @Test("100 failures from unknown addresses lock the account there, never where its owner logged in before")
    func perAccount() async throws {
        try await SessionCluster.run { cluster in
            let limiter = self.limiter(cluster)
            let home = try self.address("198.51.100.1")
            guard case .admitted(let first) = try await limiter.admit(account: "ann", address: home) else {
                Issue.record("limited at first")
                return
            }
            try await limiter.settle(first, as: .succeeded)
            for index in 0..<100 {
                #expect(try await self.fail(limiter, "ann", try self.address("203.0.113.\(index)")) == nil)
            }
            #expect(try await self.fail(limiter, "ann", try self.address("203.0.113.200")) != nil)
            #expect(try await self.fail(limiter, "ann", home) == nil)
            #expect(try await self.fail(limiter, "bob", try self.address("203.0.113.200")) == nil)
        }
    }

    @Test("a browser whose session was last that account's has a counter of its own")
    func browser() async throws {
        try await SessionCluster.run { cluster in
            let limiter = self.limiter(cluster)
            let here = try self.address("192.0.2.1")
            for _ in 0..<5 { #expect(try await self.fail(limiter, "ann", here) == nil) }
            #expect(try await self.fail(limiter, "ann", here) != nil)
            let browser = SessionHandle.random()
            for _ in 0..<5 { #expect(try await self.fail(limiter, "ann", here, browser: browser) == nil) }
            #expect(try await self.fail(limiter, "ann", here, browser: browser) != nil)
        }
    }

    @Test("what was never verified does not count; what was never settled does")
    func unsettled() async throws {
        try await SessionCluster.run { cluster in
            let limiter = self.limiter(cluster) {
                $0.verification = .milliseconds(100)
                $0.patience = .zero
            }
            let here = try self.address("192.0.2.1")
            for _ in 0..<20 {
                guard case .admitted(let attempt) = try await limiter.admit(account: "ann", address: here) else {
                    Issue.record("limited by what was abandoned")
                    return
                }
                try await limiter.settle(attempt, as: .abandoned)
            }
            for _ in 0..<5 { _ = try await limiter.admit(account: "bob", address: here) }
            guard case .limited(1000) = try await limiter.admit(account: "bob", address: here) else {
                Issue.record("reserved guesses do not count")
                return
            }
            let key = try await cluster.server.command("KEYS", "rejoin:limit:{login}:pair:*")
            #expect(try await cluster.server.command("HLEN", key) == "5")
            // At its deadline a reservation is a failure: one guess at a time is let through from then on.
            try await eventually {
                guard case .admitted(let attempt) = try await limiter.admit(account: "bob", address: here) else {
                    return false
                }
                return try await limiter.settle(attempt, as: .failed) == 30_000
            }
        }
    }

    @Test("no name and no address is in a key, and every key has an end")
    func keys() async throws {
        try await SessionCluster.run { cluster in
            let limiter = self.limiter(cluster)
            let here = try self.address("192.0.2.1")
            _ = try await self.fail(limiter, "ann*{}\r\n", here)
            guard case .admitted(let attempt) = try await limiter.admit(account: "ann*{}\r\n", address: here) else {
                return
            }
            try await limiter.settle(attempt, as: .succeeded)
            let keys = try await cluster.server.command("KEYS", "*").split(separator: "\n")
            #expect(!keys.isEmpty)
            for key in keys {
                #expect(key.hasPrefix("rejoin:limit:{login}:") && !key.contains("ann") && !key.contains("192"))
                #expect(try await cluster.server.command("PTTL", String(key)) != "-1")
            }
        }
    }

    @Test("Redis away is unavailable")
    func unavailable() async throws {
        try await SessionCluster.run { cluster in
            cluster.server.kill()
            let here = try self.address("192.0.2.1")
            let error = await #expect(throws: SessionError.self) {
                _ = try await self.limiter(cluster).admit(account: "ann", address: here)
            }
            #expect(error?.code == .unavailable)
        }
    }
}
