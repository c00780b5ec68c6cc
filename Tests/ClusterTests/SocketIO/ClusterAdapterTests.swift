import Cluster
import NIOCore
import SocketIO
import Synchronization
import TestSupport
import Testing

@Suite("A Socket.IO server's messages reach every node over the bus")
struct ClusterAdapterTests {
    private final class Log: Sendable {
        private let messages = Mutex<[String: [Int]]>([:])

        func add(_ node: String, _ number: Int) { messages.withLock { $0[node, default: []].append(number) } }
        subscript(node: String) -> [Int] { messages.withLock { $0[node] ?? [] } }
    }

    private func withAdapters(
        _ perform: @escaping @Sendable (String, JSONBytes) async -> JSONBytes,
        _ body: ([ClusterAdapter], RedisServer) async throws -> Void
    ) async throws {
        try await withRedisServer { server in
            let adapters = Mutex<[ClusterAdapter]>([])
            try await withNodes(
                ["a", "b", "c"], on: server,
                prepare: { cluster in
                    let adapter = ClusterAdapter(cluster)
                    let name = cluster.name.description
                    adapter.receive { message in await perform(name, message) }
                    adapters.withLock { $0.append(adapter) }
                }
            ) { _ in try await body(adapters.withLock { $0 }, server) }
        }
    }

    @Test("what three nodes tell at once is heard in one order by all, the teller included")
    func order() async throws {
        let log = Log()
        try await withAdapters({ node, message in
            log.add(node, message.int ?? -1)
            return .null
        }) { adapters, _ in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for (index, adapter) in adapters.enumerated() {
                    group.addTask {
                        for number in 0..<50 { try await adapter.tell(.init(integer: index * 100 + number)) }
                    }
                }
                try await group.waitForAll()
            }
            try await eventually { ["a", "b", "c"].allSatisfy { log[$0].count == 150 } }
            #expect(log["a"] == log["b"] && log["b"] == log["c"])
        }
    }

    @Test("questions are answered by all nodes, many at a time, and after what was told before")
    func questions() async throws {
        let log = Log()
        let gate = AsyncStream<Void>.makeStream()
        try await withAdapters({ node, message in
            if message.int == 0 {
                for await _ in gate.stream {}
            } else if let number = message.int {
                log.add(node, number)
            }
            return JSONBytes(elements: [JSONBytes(string: node), .init(integer: log[node].count)])
        }) { adapters, _ in
            async let slow = adapters[0].ask(.init(integer: 0), timeout: .seconds(10))
            for number in 1...5 { try await adapters[0].tell(.init(integer: number)) }
            let answers = try await adapters[0].ask(JSONBytes(string: "?"), timeout: .seconds(5))
            #expect(answers.answers.map { String(buffer: $0.buffer) } == [#"["a",5]"#, #"["b",5]"#, #"["c",5]"#])
            #expect(answers.missing.isEmpty)
            gate.continuation.finish()
            #expect(try await slow.answers.count == 3)
        }
    }

    @Test("without Redis nobody is told, and it is said")
    func unavailable() async throws {
        let log = Log()
        try await withAdapters({ node, message in
            log.add(node, message.int ?? -1)
            return .null
        }) { adapters, server in
            server.kill()
            await #expect(throws: AdapterError.self) { try await adapters[0].tell(.init(integer: 1)) }
            let answers = try await adapters[0].ask(.null, timeout: .milliseconds(200))
            #expect(answers.answers.isEmpty && answers.missing.count == 3)
            #expect(log["a"].isEmpty)
        }
    }

    @Test("a message that is too large is refused by name, and JSON as deep as a client may send is carried")
    func sizes() async throws {
        let log = Log()
        try await withAdapters({ node, message in
            log.add(node, message.elements()?.count ?? -1)
            return .null
        }) { adapters, _ in
            let large = JSONBytes(string: String(repeating: "x", count: 1_100_000))
            await #expect(throws: AdapterError.self) { try await adapters[0].tell(large) }
            var deep = JSONBytes.null
            for _ in 0..<40 { deep = JSONBytes(elements: [deep]) }
            try await adapters[0].tell(deep)
            try await eventually { log["c"] == [1] }
        }
    }
}
