import Testing

@testable import Cluster

@Suite("Readiness says why not")
struct ReadinessTests {
    private func facts() throws -> ReadinessFacts {
        let name = try #require(NodeName("me"))
        return ReadinessFacts(
            name: name, heardAgo: .seconds(1), heartbeatAgo: .seconds(1), freshFor: .seconds(5),
            address: "127.0.0.1:8080", host: "here", storeID: "s", list: NodeList(readAt: .now))
    }

    private func other(address: String, host: String) throws -> NodeRecord {
        NodeRecord(
            name: try #require(NodeName("you")), incarnation: .random(), address: address, adminAddress: "",
            version: "", startedAt: 0, sockets: 0, rooms: 0, state: .ready, reason: "", storeID: nil, host: host,
            age: .zero)
    }

    @Test("with everything in order the node is ready")
    func ready() throws {
        #expect(try facts().readiness == .ready)
    }

    @Test("heard, or heartbeat answered, more than five seconds ago: not ready")
    func stale() throws {
        var facts = try facts()
        facts.heardAgo = .milliseconds(5_001)
        #expect(facts.readiness.state == .deaf)
        facts.heardAgo = .milliseconds(5_000)
        #expect(facts.readiness.isReady)
        facts.heartbeatAgo = .milliseconds(5_001)
        #expect(facts.readiness.state == .unready)
        #expect(facts.readiness.reason == "no heartbeat succeeded for 5.0 s")
        facts.heartbeatFailure = "MISCONF"
        #expect(facts.readiness.reason == "no heartbeat succeeded for 5.0 s: MISCONF")
        facts.heartbeatAgo = .seconds(1)
        #expect(facts.readiness.isReady)
    }

    @Test("each reason is told")
    func reasons() throws {
        let changes: [(NodeState, (inout ReadinessFacts) -> Void)] = [
            (.draining, { $0.isDraining = true }),
            (.draining, { $0.phase = .left }),
            (.starting, { $0.phase = .joining }),
            (.unready, { $0.phase = .replaced }),
            (.unready, { $0.isConnected = false }),
            (.starting, { $0.heartbeatAgo = nil }),
            (.starting, { $0.heardAgo = nil }),
            (.deaf, { $0.isDeaf = true }),
            (.deaf, { ($0.isDeaf, $0.heardAgo) = (true, nil) }),
            (.unready, { $0.list.storeID = "another" }),
        ]
        for (state, change) in changes {
            var facts = try facts()
            change(&facts)
            #expect(facts.readiness.state == state)
            #expect(facts.readiness.reason?.isEmpty == false)
        }
    }

    @Test("a local address beside a node of another host is not ready; beside one of this host it is")
    func address() throws {
        var facts = try facts()
        let near = try other(address: "127.0.0.1:8081", host: "here")
        facts.list.records[near.name] = near
        #expect(facts.readiness == .ready)
        let far = try other(address: "10.0.0.2:8080", host: "there")
        facts.list.records[far.name] = far
        #expect(facts.readiness.state == .unready)
        #expect(facts.readiness.reason?.contains("REJOIN_ADVERTISE") == true)
        facts.address = "10.0.0.1:8080"
        #expect(facts.readiness == .ready)
    }
}
