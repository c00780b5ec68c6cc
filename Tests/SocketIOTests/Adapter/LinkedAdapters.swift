import SocketIO
import Synchronization

/// Servers in one process that know each other: what one tells, all perform, in one order. A test may have some not
/// answer, and sees what is sent.
final class LinkedAdapters: Sendable {
    typealias Perform = @Sendable (JSONBytes) async -> JSONBytes

    private struct State {
        var nodes: [(name: String, perform: Perform)] = []
        var silent: Set<String> = []
        var isDown = false
        var messages: [JSONBytes] = []
    }

    private let state = Mutex(State())

    /// One server's end.
    func node(_ name: String) -> any Adapter { Node(name: name, link: self) }

    /// Does not answer, and hears nothing, from now on.
    func silence(_ name: String) { state.withLock { _ = $0.silent.insert(name) } }

    /// Nothing gets through.
    func takeDown() { state.withLock { $0.isDown = true } }

    var messages: [JSONBytes] { state.withLock { $0.messages } }

    /// What came from outside reaches one server.
    func perform(_ message: JSONBytes, on name: String) async -> JSONBytes? {
        await state.withLock { $0.nodes.first { $0.name == name } }?.perform(message)
    }

    private func nodes(for message: JSONBytes) throws(AdapterError) -> (heard: [Perform], silent: [String]) {
        let state = state.withLock { state in
            state.messages.append(message)
            return state
        }
        guard !state.isDown else { throw AdapterError(.unavailable, "the link is down") }
        return (
            state.nodes.filter { !state.silent.contains($0.name) }.map(\.perform),
            state.nodes.map(\.name).filter(state.silent.contains)
        )
    }

    private struct Node: Adapter {
        let name: String
        let link: LinkedAdapters

        func receive(_ perform: @escaping Perform) {
            link.state.withLock { $0.nodes.append((name, perform)) }
        }

        func tell(_ message: JSONBytes) async throws(AdapterError) {
            for perform in try link.nodes(for: message).heard { _ = await perform(message) }
        }

        func ask(_ question: JSONBytes, timeout: Duration) async throws(AdapterError) -> AdapterAnswers {
            let (heard, silent) = try link.nodes(for: question)
            let answers = await withTaskGroup(of: JSONBytes.self) { group in
                for perform in heard { group.addTask { await perform(question) } }
                return await group.reduce(into: []) { $0.append($1) }
            }
            return AdapterAnswers(answers: answers, missing: silent)
        }
    }
}

/// Two servers that are linked.
struct LinkedServers {
    let link: LinkedAdapters
    let first: TestServer
    let second: TestServer

    static func run(_ router: EventRouter, _ body: (LinkedServers) async throws -> Void) async throws {
        try await run({ _ in router }, body)
    }

    /// - Parameter router: of the server with this name, `first` or `second`.
    static func run(_ router: (String) -> EventRouter, _ body: (LinkedServers) async throws -> Void) async throws {
        let link = LinkedAdapters()
        try await TestServer.run(router("first"), adapter: link.node("first")) { first in
            try await TestServer.run(router("second"), adapter: link.node("second")) { second in
                try await body(LinkedServers(link: link, first: first, second: second))
            }
        }
    }
}
