import Cluster
import RedisClient
import TestSupport
import Testing

@Suite("The registry on a real Redis")
struct ClusterRegistryTests {
    @Test("every node lists all of them; a clean stop is gone at once")
    func listing() async throws {
        try await withRedisServer { server in
            let load: (Cluster) -> Void = { $0.reportLoad { (sockets: 12, rooms: 3) } }
            try await withNodes(["a", "b", "c"], on: server, prepare: load) { nodes in
                for node in nodes {
                    try await eventually { node.cluster.nodes.allSatisfy { $0.state == .ready && $0.sockets == 12 } }
                    #expect(node.cluster.nodes.map(\.name.description) == ["a", "b", "c"])
                    #expect(node.cluster.nodes.allSatisfy { $0.rooms == 3 && $0.version == "1.0.0" })
                    #expect(node.cluster.nodes.allSatisfy { $0.age < .seconds(5) })
                }
                let listed = try await NodeDirectory.fetch(redis: nodes[0].redis)
                #expect(listed.map(\.name.description) == ["a", "b", "c"])
                await nodes[1].stop()
                #expect(nodes[1].error == nil)
                #expect(try await NodeDirectory.fetch(redis: nodes[0].redis).map(\.name.description) == ["a", "c"])
                try await eventually { nodes[0].cluster.nodes.count == 2 }
                #expect(await nodes[0].cluster.ask(kind: "count").missing.isEmpty)
            }
        }
    }

    @Test("a dead node is not listed any more, by nodes or by others")
    func death() async throws {
        try await withRedisServer { server in
            try await withNodes(["a", "b"], on: server, change: { $0.deadAfter = .seconds(2) }) { nodes in
                await nodes[1].kill()
                try await eventually(timeout: .seconds(4)) { nodes[0].cluster.nodes.map(\.name.description) == ["a"] }
                #expect(try await NodeDirectory.fetch(redis: nodes[0].redis).count == 1)
                #expect(try await server.command("EXISTS", "rejoin:node:b") == "0")
                #expect(try await server.command("ZCARD", "rejoin:nodes") == "1")
            }
        }
    }

    @Test("a dead node's name is taken over at once")
    func takeover() async throws {
        try await withRedisServer { server in
            try await withNodes(["a", "b"], on: server) { nodes in
                await nodes[1].kill()
                // It would wait that long for one that listens and does not answer.
                let next = try TestNode("b", on: server, change: { $0.claimPatience = .seconds(60) })
                try await next.startAndJoin(nodes: 2)
                try await eventually {
                    nodes[0].cluster.node(next.cluster.name)?.incarnation == next.cluster.incarnation
                }
                #expect(await nodes[0].cluster.ask(kind: "count").answers.count == 2)
                await next.kill()
            }
        }
    }

    @Test("of two nodes with one name the second does not start, and the first feels nothing")
    func twins() async throws {
        try await withRedisServer { server in
            try await withNodes(["a"], on: server) { nodes in
                let twin = try TestNode("a", on: server)
                twin.start()
                try await eventually { twin.error != nil }
                #expect((twin.error as? ClusterError)?.code == .nameTaken)
                #expect((twin.error as? ClusterError)?.message.contains("REJOIN_NODE") == true)
                #expect(nodes[0].error == nil)
                #expect(nodes[0].cluster.readiness.isReady)
                #expect(await nodes[0].cluster.ask(kind: "count").answers.count == 1)
                await twin.kill()
            }
        }
    }

    @Test("a frozen node is replaced after two seconds, and ends when it learns it")
    func frozen() async throws {
        try await withRedisServer { server in
            // It listens, but its next heartbeat is far away, as of a process that is stopped; nor does it notice that it
            // sends no canaries.
            let frozen = try TestNode(
                "a", on: server,
                change: {
                    $0.heartbeatInterval = .seconds(600)
                    $0.deafAfter = .seconds(600)
                })
            try await frozen.startAndJoin(nodes: 1)
            let next = try TestNode("a", on: server)
            let start = ContinuousClock.now
            next.start()
            try await eventually { next.cluster.readiness.isReady }
            #expect(ContinuousClock.now - start >= .seconds(2))
            #expect(frozen.error == nil)
            frozen.cluster.advertise(address: "127.0.0.1:2", adminAddress: "")
            try await eventually { frozen.error != nil }
            #expect((frozen.error as? ClusterError)?.code == .nameTaken)
            #expect(next.cluster.readiness.isReady)
            await next.kill()
            await frozen.kill()
        }
    }

    @Test("fields that another version wrote are kept")
    func unknownFields() async throws {
        try await withRedisServer { server in
            try await withNodes(["a"], on: server) { nodes in
                try await server.command("HSET", "rejoin:node:a", "colour", "green")
                nodes[0].cluster.advertise(address: "127.0.0.1:77", adminAddress: "")
                try await eventually { try await server.command("HGET", "rejoin:node:a", "address") == "127.0.0.1:77" }
                #expect(try await server.command("HGET", "rejoin:node:a", "colour") == "green")
            }
        }
    }

    @Test("a node whose accounts store is not the cluster's is not ready, until the others are gone")
    func store() async throws {
        try await withRedisServer { server in
            let change: (inout ClusterConfiguration) -> Void = {
                $0.deadAfter = .seconds(3)
                $0.storeID = "first"
            }
            try await withNodes(["a"], on: server, change: change) { nodes in
                let stranger = try TestNode(
                    "b", on: server,
                    change: {
                        $0.deadAfter = .seconds(3)
                        $0.storeID = "second"
                    })
                stranger.start()
                try await eventually { stranger.cluster.readiness.reason?.contains("accounts store") == true }
                try await eventually {
                    nodes[0].cluster.node(stranger.cluster.name)?.reason.contains("accounts store") == true
                }
                #expect(nodes[0].cluster.readiness.isReady)
                await nodes[0].stop()
                try await eventually { stranger.cluster.readiness.isReady }
                await stranger.kill()
            }
        }
    }

    @Test("a node is asked to drain from outside, and says that it does")
    func drain() async throws {
        try await withRedisServer { server in
            try await withNodes(["a", "b"], on: server) { nodes in
                let record = try await NodeDirectory.requestDrain(redis: nodes[0].redis, node: nodes[1].cluster.name)
                #expect(record?.state == .draining)
                #expect(nodes[1].events == ["drain"])
                #expect(nodes[1].cluster.readiness.state == .draining)
                #expect(nodes[0].cluster.readiness.isReady)
                let nobody = try #require(NodeName("nobody"))
                await #expect {
                    _ = try await NodeDirectory.requestDrain(redis: nodes[0].redis, node: nobody)
                } throws: {
                    ($0 as? ClusterError)?.code == .unknownNode
                }
            }
        }
    }

    @Test("a full Redis still lists the nodes and carries questions")
    func full() async throws {
        try await withRedisServer { server in
            try await withNodes(["a", "b"], on: server, change: { $0.deadAfter = .seconds(2) }) { nodes in
                try await server.command("CONFIG", "SET", "maxmemory", "1")
                #expect(try await server.command("SET", "x", "y").contains("OOM"))
                let before = try #require(nodes[0].cluster.lastHeard)
                try await eventually { (nodes[0].cluster.lastHeard ?? before) > before + .seconds(3) }
                #expect(nodes[0].cluster.nodes.count == 2)
                #expect(await nodes[0].cluster.ask(kind: "count").answers.count == 2)
                #expect(nodes[0].cluster.readiness.isReady)
            }
        }
    }
}
