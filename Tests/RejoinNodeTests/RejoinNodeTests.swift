import Glibc
import NIOCore
import SocketIOClient
import TestSupport
import Testing

@Suite("Three nodes and a Redis", .timeLimit(.minutes(1)))
struct RejoinNodeTests {
    @Test("a player whose node is killed is a player on another, and misses nothing")
    func killedNode() async throws {
        try await withThreeNodes { nodes in
            let ada = try await Player(nodes[0])
            #expect(!ada.session.login && ada.session.user == nil && ada.session.node == "n1")
            let bob = try await Player(nodes[1])
            _ = try await bob.register("Bob")
            #expect(try await bob.join("lobby").version == 0)

            let token = try await ada.register("Ada")
            _ = try await ada.join("lobby")
            #expect(try await ada.act("lobby", id: "1", set: "ada", to: 1) == .init(ok: true, version: 1, error: nil))
            let position = try #require(try await ada.patches(upTo: 1).last)

            nodes[0].process.kill()
            _ = try await ada.client.closed.get()
            #expect(try await bob.act("lobby", id: "1", set: "bob", to: 5).version == 2)

            let back = try await Player(nodes[2], token: token)
            #expect(back.session.login && back.session.user?.name == "Ada" && back.session.node == "n3")
            let joined = try await back.join("lobby", since: (position.epoch, position.version))
            #expect(joined.patches == [.init(from: 1, version: 2, set: ["bob": 5], del: [])])
            #expect(joined.state == nil)

            // For all the client knows, the answer to its first act was lost: the same id is applied once.
            #expect(try await back.act("lobby", id: "1", set: "ada", to: 1).version == 1)
            #expect(try await back.act("lobby", id: "2", set: "ada", to: 2).version == 3)
            let seen = try await bob.patches(upTo: 3)
            #expect(seen.map(\.version) == [1, 2, 3])
            #expect(seen.last?.set == ["ada": 2])
        }
    }

    @Test("clients of different nodes see every version once, and in one order")
    func oneOrder() async throws {
        let limits = ["REJOIN_LIMIT_MESSAGES": "10000/s", "REJOIN_LIMIT_BURST": "10000"]
        try await withThreeNodes(limits) { nodes in
            let acts = 100
            var players: [Player] = []
            for (number, node) in nodes.enumerated() {
                let player = try await Player(node)
                _ = try await player.register("player\(number)")
                #expect(try await player.join("race").version == 0)
                players.append(player)
            }
            let clients = players.map(\.client)
            let answers = try await withThrowingTaskGroup { group in
                for (number, client) in clients.enumerated() {
                    for act in 0..<acts {
                        // Everybody writes the same field: who was last is told by the order alone.
                        let value = number * 1_000 + act
                        group.addTask {
                            try await client.call(
                                "act", #"{"room":"race","id":"\#(value)","action":{"set":{"last":\#(value)}}}"#)
                        }
                    }
                }
                return try await group.reduce(into: [String]()) { $0.append($1) }
            }
            let total = acts * players.count
            #expect(Set(answers) == Set((1...total).map { #"{"ok":true,"version":\#($0)}"# }))

            var written: [Int: Int] = [:]
            for player in players {
                let patches = try await player.patches(upTo: total)
                #expect(patches.first?.from == 0)
                #expect(patches.last?.version == total)
                #expect(zip(patches, patches.dropFirst()).allSatisfy { $0.version == $1.from })
                for patch in patches {
                    let value = try #require(patch.set["last"])
                    #expect(written.updateValue(value, forKey: patch.version) ?? value == value)
                }
                #expect(Set(patches.map(\.epoch)).count == 1)
            }
            let last = try #require(written[total])
            for node in nodes {
                #expect(try await Player(node).join("race").state == ["last": last])
            }
        }
    }

    @Test("a node that is terminated tells its sockets, lets them come back elsewhere, and ends with 0")
    func drain() async throws {
        try await withThreeNodes(["REJOIN_DRAIN": "2s"]) { nodes in
            let ada = try await Player(nodes[0])
            let token = try await ada.register("Ada")
            nodes[0].process.signal(SIGTERM)
            let drain: Player.Drain = try await ada.next("drain")
            #expect(drain.retryAfter >= 0)
            // A DISCONNECT packet would stop clients from coming back.
            #expect(try await ada.client.closed.get() != .serverDisconnect)
            #expect(try await nodes[0].process.wait(timeout: .seconds(10)) == 0)

            let back = try await Player(nodes[1], token: token)
            #expect(back.session.login && back.session.user?.name == "Ada")
        }
    }
}
