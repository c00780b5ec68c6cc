import Cluster
import TestSupport
import Testing

@Suite("What breaks between a node and Redis")
struct ClusterFaultTests {
    @Test("a subscriber that is killed comes back, and what it missed counts as missed")
    func killedSubscriber() async throws {
        try await withRedisServer { server in
            try await withNodes(["a", "b"], on: server) { nodes in
                try await server.command("CLIENT", "KILL", "TYPE", "pubsub")
                for node in nodes {
                    try await eventually { node.events == ["hears"] }
                }
                #expect(await nodes[0].cluster.ask(kind: "count").answers.count == 2)
                #expect(nodes[0].cluster.readiness.isReady)
            }
        }
    }

    @Test("a subscriber that is killed again and again is back soon after the last time")
    func killedOften() async throws {
        try await withRedisServer { server in
            try await withNodes(["a"], on: server) { nodes in
                for round in 1...5 {
                    try await server.command("CLIENT", "KILL", "TYPE", "pubsub")
                    try await eventually { nodes[0].events.count { $0 == "hears" } >= round }
                }
                try await eventually { nodes[0].cluster.readiness.isReady }
            }
        }
    }

    @Test("a node that does not hear itself while commands are answered is deaf, and makes a new connection")
    func deaf() async throws {
        try await withRedisServer { server in
            let proxy = try await SilentProxy(to: server.port)
            let node = try TestNode("a", on: server, subscriberURL: "redis://127.0.0.1:\(proxy.port)")
            try await node.startAndJoin(nodes: 1)
            // The connection lives, but nothing comes, as after a failover that left it with the old primary.
            proxy.silence()
            try await eventually { node.events.contains("deaf") }
            #expect(node.cluster.readiness.state == .deaf)
            try await eventually { node.events == ["deaf", "hears"] }
            try await eventually { node.cluster.readiness.isReady }
            // One more where the machine takes seconds for the first canary.
            #expect(2...3 ~= proxy.connections)
            await node.kill()
            await proxy.stop()
        }
    }

    @Test("a Redis that answers nothing: not ready within five seconds, and ready again afterwards")
    func frozenRedis() async throws {
        try await withRedisServer { server in
            try await withNodes(["a", "b"], on: server) { nodes in
                server.freeze()
                for node in nodes {
                    try await eventually(timeout: .seconds(5)) { node.events.contains("deaf") }
                    #expect(!node.cluster.readiness.isReady)
                }
                let answers = await nodes[0].cluster.ask(kind: "count", timeout: .milliseconds(700))
                #expect(answers.answers.map(\.key.description) == ["a"])
                #expect(answers.missing.map(\.description) == ["b"])
                server.thaw()
                for node in nodes {
                    try await eventually { node.cluster.readiness.isReady }
                    try await eventually { node.events.last == "hears" }
                }
                // Commands may fail a moment longer: late replies are still being thrown away.
                try await eventually { await nodes[0].cluster.ask(kind: "count").answers.count == 2 }
            }
        }
    }

    @Test("commands that are paused: deaf, without connections that make a slow Redis slower")
    func pausedRedis() async throws {
        try await withRedisServer { server in
            try await withNodes(["a"], on: server) { nodes in
                let before = try await server.command("INFO", "stats")
                try await server.command("CLIENT", "PAUSE", "4500", "ALL")
                try await eventually(timeout: .seconds(5)) { nodes[0].events.contains("deaf") }
                try await eventually { nodes[0].cluster.readiness.isReady }
                #expect(nodes[0].events == ["deaf", "hears"])
                let after = try await server.command("INFO", "stats")
                #expect(connections(after) - connections(before) < 20)
            }
        }
    }

    private func connections(_ info: String) -> Int {
        let line = info.split(whereSeparator: \.isNewline).first { $0.hasPrefix("total_connections_received:") }
        return line.flatMap { Int($0.dropFirst("total_connections_received:".count)) } ?? 0
    }

    @Test("Redis killed, and back empty: every node registers again, and the question is answered by all")
    func killedRedis() async throws {
        try await withRedisServer { server in
            try await withNodes(["a", "b", "c"], on: server) { nodes in
                server.kill()
                for node in nodes { try await eventually { !node.cluster.readiness.isReady } }
                let answers = await nodes[0].cluster.ask(kind: "count")
                #expect(answers.answers.map(\.key.description) == ["a"])
                #expect(answers.missing.map(\.description) == ["b", "c"])
                try await server.restart()
                for node in nodes {
                    try await eventually { node.cluster.readiness.isReady && node.cluster.nodes.count == 3 }
                    try await eventually { node.events.last == "hears" }
                    #expect(node.error == nil)
                }
                let all = await nodes[0].cluster.ask(kind: "count")
                #expect(all.answers.count == 3, "\(all)")
            }
        }
    }

    @Test("a node waits for a Redis that is not there yet")
    func lateRedis() async throws {
        try await withRedisServer { server in
            server.kill()
            let node = try TestNode("a", on: server)
            node.start()
            try await eventually { node.cluster.readiness.reason?.contains("not connected") == true }
            #expect(node.cluster.readiness.state == .starting)
            try await server.restart()
            try await eventually { node.cluster.readiness.isReady }
            await node.kill()
        }
    }
}
