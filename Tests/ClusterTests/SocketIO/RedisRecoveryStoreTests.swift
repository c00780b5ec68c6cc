import Cluster
import NIOCore
import RedisClient
import SocketIO
import Synchronization
import TestSupport
import Testing

@Suite("What a socket missed is kept in Redis, in one order")
struct RedisRecoveryStoreTests {
    /// What one node of the test has: its store, and what it heard.
    final class Listener: Sendable {
        let store: RedisRecoveryStore
        private let log = Mutex<[String]>([])

        init(_ node: TestNode) async throws {
            store = RedisRecoveryStore(redis: node.redis, subscriber: node.subscriber)
            try await store.listen(namespace: "/chat") { [weak self] event in
                let text =
                    switch event {
                    case .message(let offset, let message): "\(offset.number) \(String(buffer: message.array.buffer))"
                    case .taken(let id, let owner): "taken \(id) \(owner)"
                    case .missed: "missed"
                    }
                self?.log.withLock { $0.append(text) }
            }
        }

        var heard: [String] { log.withLock { $0 } }

        func options(_ change: (inout RecoveryOptions) -> Void = { _ in }) -> RecoveryOptions {
            var options = RecoveryOptions(store: store)
            change(&options)
            return options
        }

        func write(_ writes: RecoveryWrite..., options: RecoveryOptions? = nil) async throws {
            for failure in await store.write(writes, namespace: "/chat", options: options ?? self.options()) {
                if let failure { throw failure }
            }
        }

        func recover(
            _ id: String, owner: String = "new", since offset: RecoveryOffset?, options: RecoveryOptions? = nil
        ) async throws -> RecoveredState? {
            try await store.recover(
                id: id, owner: owner, since: offset, namespace: "/chat", options: options ?? self.options())
        }
    }

    private func message(_ number: Int, to rooms: String..., bytes: [UInt8]? = nil) -> RecoveryWrite {
        .message(
            RecoverableMessage(
                rooms: rooms, except: [], array: JSONBytes(elements: [.init(integer: number)]),
                attachments: bytes.map { [ByteBuffer(bytes: $0)] } ?? []))
    }

    private func state(_ id: String, owner: String = "old", rooms: [String] = ["r"]) -> RecoveryWrite {
        .state(.init(id: id, owner: owner, socket: SocketID("sock"), rooms: rooms, data: JSONBytes(string: "d")))
    }

    private func offset(_ number: Int, on server: RedisServer) async throws -> RecoveryOffset {
        let epoch = try await server.command("HGET", "rejoin:io:{/chat}", "epoch")
        return RecoveryOffset(epoch: try #require(UInt64(epoch)), number: UInt64(number))
    }

    private func withListeners(_ body: (RedisServer, Listener, Listener) async throws -> Void) async throws {
        try await withRedisServer { server in
            try await withNodes(["a", "b"], on: server) { nodes in
                try await body(server, try await Listener(nodes[0]), try await Listener(nodes[1]))
            }
        }
    }

    @Test("two nodes that write at once hear all of it in the same order")
    func order() async throws {
        try await withListeners { _, a, b in
            await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<100 {
                    group.addTask { try await (number % 2 == 0 ? a : b).write(message(number, to: "r", "s")) }
                }
            }
            try await eventually { a.heard.count == 100 && b.heard.count == 100 }
            #expect(a.heard == b.heard)
            #expect(a.heard.map { $0.prefix { $0 != " " } } == (1...100).map { "\($0)" })
        }
    }

    @Test("a state comes with what its rooms were told after the offset, each once, in order, and binary values")
    func recovers() async throws {
        try await withListeners { server, a, b in
            try await a.write(
                state("pid", rooms: ["r", "s"]), message(1, to: "r"), message(2, to: "other"),
                message(3, to: "r", "s", bytes: [0, 255]), message(4), message(5, to: "sock"))
            let recovered = try #require(try await b.recover("pid", since: try await offset(1, on: server)))
            #expect(recovered.messages.map(\.offset.number) == [3, 4, 5])
            #expect(recovered.messages.first?.message.attachments == [ByteBuffer(bytes: [0, 255])])
            #expect(recovered.offset.number == 5)
            #expect(recovered.state.socket == SocketID("sock") && recovered.state.data?.string == "d")
            #expect(Set(recovered.state.rooms) == ["r", "s"])
            try await eventually { a.heard.last == "taken pid new" && b.heard.last == "taken pid new" }
            #expect(try await b.recover("stranger", since: try await offset(1, on: server)) == nil)
            #expect(try await b.recover("pid", since: nil) == nil)
        }
    }

    @Test("who lost a state neither changes nor forgets it")
    func owners() async throws {
        try await withListeners { server, a, b in
            try await a.write(state("pid"), message(1, to: "r"))
            #expect(try await b.recover("pid", since: try await offset(0, on: server)) != nil)
            try await a.write(state("pid", rooms: ["stale"]), .forget(id: "pid", owner: "old"))
            let again = try await b.recover("pid", owner: "newer", since: try await offset(0, on: server))
            #expect(again?.state.rooms == ["r"])
            try await b.write(.forget(id: "pid", owner: "newer"))
            #expect(try await b.recover("pid", since: try await offset(0, on: server)) == nil)
        }
    }

    @Test("who missed more than is kept starts anew; another room's traffic does not count")
    func trimmed() async throws {
        try await withListeners { server, a, _ in
            let options = a.options { $0.maximumMessages = 3 }
            try await a.write(state("pid"), message(1, to: "r"), options: options)
            for number in 2...20 { try await a.write(message(number, to: "other"), options: options) }
            let seen = try await offset(1, on: server)
            #expect(try await a.recover("pid", since: seen, options: options)?.messages.isEmpty == true)
            for number in 21...23 { try await a.write(message(number, to: "r"), options: options) }
            #expect(try await a.recover("pid", since: seen, options: options) == nil)
            let later = try await offset(21, on: server)
            #expect(try await a.recover("pid", since: later, options: options)?.messages.count == 2)
            #expect(try await server.command("XLEN", "rejoin:io:{/chat}:log:r") == "3")
        }
    }

    @Test("a Redis that was replaced begins a new order, in which no old offset is found")
    func epochs() async throws {
        try await withListeners { server, a, b in
            try await a.write(state("pid"), message(1, to: "r"), message(2, to: "r"))
            let seen = try await offset(1, on: server)
            _ = try await server.command("HSET", "rejoin:io:{/chat}", "replid", "another")
            try await a.write(message(3, to: "r"))
            try await eventually { b.heard.last == "1 [3]" }
            #expect(try await offset(1, on: server) > seen)
            #expect(try await b.recover("pid", since: seen) == nil)
            #expect(try await b.recover("pid", since: RecoveryOffset(epoch: seen.epoch + 1, number: 99)) == nil)
        }
    }

    @Test("states and logs die with their time")
    func life() async throws {
        try await withListeners { server, a, _ in
            let options = a.options { $0.maximumDisconnection = .seconds(30) }
            try await a.write(state("pid"), message(1, to: "r"), options: options)
            let life = try #require(Int(try await server.command("PTTL", "rejoin:io:{/chat}:state:pid")))
            #expect(30_000...40_000 ~= life)
            let log = try #require(Int(try await server.command("PTTL", "rejoin:io:{/chat}:log:r")))
            #expect(40_000...60_000 ~= log)
            _ = try await server.command("PEXPIRE", "rejoin:io:{/chat}:state:pid", "100000")
            try await a.write(.alive(ids: ["pid", "gone"]), options: options)
            #expect(try #require(Int(try await server.command("PTTL", "rejoin:io:{/chat}:state:pid"))) <= 40_000)
            #expect(try await server.command("EXISTS", "rejoin:io:{/chat}:state:gone") == "0")
        }
    }

    @Test("a node whose subscription was lost says so; what is no message is left out")
    func lostAndForged() async throws {
        try await withListeners { server, a, _ in
            for text in ["", "m", "x1-1 {}", "m1-1 {}", "mx {\"packet\":[]}", "m1-1 {\"packet\":[]", "t"] {
                _ = try await server.command("PUBLISH", "rejoin:io:{/chat}", text)
            }
            try await a.write(message(1, to: "r"))
            try await eventually { a.heard == ["1 [1]"] }
            _ = try await server.command("CLIENT", "KILL", "TYPE", "pubsub")
            try await eventually { a.heard.last == "missed" }
            a.store.missedMessages()
            try await eventually { a.heard.count == 3 }
        }
    }

    @Test("without Redis nothing is written, and it is said")
    func unavailable() async throws {
        try await withListeners { server, a, _ in
            server.kill()
            await #expect(throws: AdapterError.self) { try await a.write(message(1, to: "r")) }
            await #expect(throws: AdapterError.self) {
                try await a.recover("pid", since: RecoveryOffset(epoch: 1, number: 1))
            }
        }
    }
}
