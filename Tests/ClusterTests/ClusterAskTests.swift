import Cluster
import NIOCore
import SocketIO
import TestSupport
import Testing

@Suite("Nodes ask and tell each other")
struct ClusterAskTests {
    @Test("a question is answered by every node, the asking one included, as soon as all have answered")
    func confirmations() async throws {
        try await withRedisServer { server in
            try await withNodes(["a", "b", "c"], on: server) { nodes in
                let start = ContinuousClock.now
                let answers = await nodes[0].cluster.ask(kind: "count")
                #expect(ContinuousClock.now - start < .seconds(1))
                #expect(answers.answers.keys.map(\.description).sorted() == ["a", "b", "c"])
                #expect(answers.answers.values.allSatisfy { $0.int == 3 })
                #expect(answers.missing.isEmpty)
            }
        }
    }

    @Test("a node that does not answer in time is named")
    func missing() async throws {
        let gate = AsyncStream<Void>.makeStream()
        try await withRedisServer { server in
            let answering: (Cluster) -> Void = { $0.onControl(kind: "revoke") { _ in .true } }
            try await withNodes(["a", "b"], on: server, prepare: answering) { nodes in
                let frozen = try TestNode(
                    "c", on: server,
                    prepare: {
                        $0.onControl(kind: "revoke") { _ in
                            for await _ in gate.stream {}
                            return .null
                        }
                    })
                try await frozen.startAndJoin(nodes: 3)
                let start = ContinuousClock.now
                let answers = await nodes[0].cluster.ask(kind: "revoke", timeout: .milliseconds(300))
                #expect(ContinuousClock.now - start >= .milliseconds(300))
                #expect(answers.answers.keys.map(\.description).sorted() == ["a", "b"])
                #expect(answers.missing.map(\.description) == ["c"])
                // One slow handler holds up its own kind only.
                let others = await nodes[0].cluster.ask(kind: "count")
                #expect(others.missing.isEmpty)
                #expect(others.answers.count == 3)
                gate.continuation.finish()
                await frozen.kill()
            }
        }
    }

    @Test("a node that has just joined is asked, and may ask")
    func justJoined() async throws {
        try await withRedisServer { server in
            try await withNodes(["a"], on: server) { nodes in
                let new = try TestNode("b", on: server)
                try await new.startAndJoin(nodes: 2)
                async let old = nodes[0].cluster.ask(kind: "count")
                async let own = new.cluster.ask(kind: "count")
                #expect(await old.answers.count == 2)
                #expect(await own.answers.count == 2)
                await new.kill()
            }
        }
    }

    @Test("a message to one node, and one to all, arrives in order, and at the sender too")
    func tell() async throws {
        try await withRedisServer { server in
            try await withNodes(["a", "b"], on: server) { nodes in
                let name = nodes[1].cluster.name
                for number in 0..<50 {
                    try await nodes[0].cluster.tell(node: name, kind: "note", body: JSONBytes(string: "\(number)"))
                }
                try await eventually { nodes[1].notes.count == 50 }
                #expect(nodes[1].notes == (0..<50).map { "\($0)" })
                try await nodes[1].cluster.tell(kind: "note", body: JSONBytes(string: "all"))
                try await eventually { nodes.allSatisfy { $0.notes.last == "all" } }
                #expect(nodes[0].notes.count == 1)
                #expect(nodes[1].notes.count == 51)
                #expect(await nodes[0].cluster.ask(node: name, kind: "count")?.int == 3)
                let nobody = try #require(NodeName("nobody"))
                #expect(await nodes[0].cluster.ask(node: nobody, kind: "count") == nil)
                await #expect { try await nodes[0].cluster.tell(node: nobody, kind: "note") } throws: { error in
                    (error as? ClusterError)?.code == .unknownNode
                }
                let large = JSONBytes(string: String(repeating: "x", count: 1_048_576))
                await #expect { try await nodes[0].cluster.tell(node: name, kind: "note", body: large) } throws: {
                    ($0 as? ClusterError)?.code == .tooLarge
                }
            }
        }
    }

    @Test("garbage on the bus is dropped and counted, and the nodes go on")
    func garbage() async throws {
        try await withRedisServer { server in
            try await withNodes(["a", "b"], on: server, change: { $0.maximumMessageBytes = 1_000 }) { nodes in
                let other = nodes[1].cluster
                let forged = { (kind: String, incarnation: String) in
                    "{\"kind\":\"\(kind)\",\"node\":\"b\",\"incarnation\":\"\(incarnation)\",\"number\":1}"
                }
                let stranger = "0123456789abcdef"
                let genuine = other.incarnation.description
                for text in [
                    "", "null", "{", String(repeating: "[", count: 900), String(repeating: "x", count: 1_001),
                    forged("note", stranger), forged("what", genuine), forged("answer", genuine),
                    forged("canary", genuine), forged("canary", stranger),
                ] {
                    for channel in ["control", "node:a"] {
                        try await server.command("PUBLISH", "rejoin:\(channel)", text)
                    }
                }
                try await eventually("garbage is counted") {
                    nodes[0].cluster.dropped == [
                        .malformed: 8, .tooLarge: 2, .unknownNode: 2, .unknownKind: 2, .unexpected: 6,
                    ]
                }
                #expect(nodes[0].notes.isEmpty)
                #expect(await nodes[0].cluster.ask(kind: "count").answers.count == 2)
                #expect(nodes[0].cluster.readiness.isReady)
            }
        }
    }

    @Test("a queue that is full drops what comes, and counts it")
    func overflow() async throws {
        let gate = AsyncStream<Void>.makeStream()
        try await withRedisServer { server in
            try await withNodes(
                ["a", "b"], on: server, change: { $0.maximumQueuedMessages = 4 },
                prepare: {
                    $0.onControl(kind: "slow") { _ in
                        for await _ in gate.stream {}
                        return .null
                    }
                }
            ) { nodes in
                for _ in 0..<20 { try await nodes[0].cluster.tell(node: nodes[1].cluster.name, kind: "slow") }
                try await eventually { nodes[1].cluster.dropped[.overflow, default: 0] >= 15 }
                #expect(await nodes[0].cluster.ask(kind: "count").answers.count == 2)
                gate.continuation.finish()
            }
        }
    }
}
