import NIOCore
import SocketIO
import TestSupport
import Testing

@testable import SocketIOClient

@Suite("With this project's server", .timeLimit(.minutes(1)))
struct ChatTests {
    private static let transports: [[SocketIOClient.Transport]] = [[.polling, .websocket], [.polling], [.websocket]]

    @Test(
        "two namespaces share a connection, each with its events, binary values and acknowledgements",
        arguments: Self.transports)
    func namespaces(transports: [SocketIOClient.Transport]) async throws {
        try await ChatServer.run("a") { url in
            let client = SocketIOClient(.init(url: url, transports: transports))
            let chat = client.socket("/chat", auth: .json(try JSONBytes(encoding: ["name": "ada"])))
            let message = Message(from: "ada", text: "hi", picture: Binary([1, 2, 3]))
            let length: Int = try await chat.call("say", message)
            #expect(length == 2)
            let said = await chat.events.first { $0.name == "said" }
            #expect(try said?.decode(Message.self) == message)
            #expect(try said?.decode(Binary.self, at: 1) == Binary([1, 2, 3]))
            #expect(try await client.main.call("whoami", as: String.self) == "a")
            #expect(chat.id != nil && chat.id != client.main.id)
            let nobody = client.socket("/nobody")
            let error = await #expect(throws: SocketIOClientError.self) { try await nobody.connected() }
            #expect(error?.code == .connectError)
            chat.disconnect()
            #expect(try await client.main.call("whoami", as: String.self) == "a")
            await client.close()
            #expect(!client.main.isConnected)
        }
    }

    @Test("the server asks, and gets the client's bytes", arguments: Self.transports)
    func asked(transports: [SocketIOClient.Transport]) async throws {
        try await ChatServer.run("a") { url in
            let client = try await SocketIOClient.connect(.init(url: url), over: transports)
            client.main.on("question") { [weak main = client.main] event in
                main?.acknowledge(event, event.payload)
            }
            let answer: Binary = try await client.main.call("ask me", Binary([7, 8]))
            #expect(answer == Binary([7, 8]))
            await client.close()
        }
    }

    @Test("a middleware's refusal is told with its data, and after it the socket may try with another name")
    func refused() async throws {
        try await ChatServer.run("a") { url in
            let client = SocketIOClient(.init(url: url, namespace: "/chat", transports: [.websocket]))
            let error = await #expect(throws: SocketIOClientError.self) { try await client.main.connected() }
            #expect(error?.data?.string == "name")
            await client.close()
        }
    }

    @Test("a client whose server stops goes on with the next one", arguments: Self.transports)
    func nextServer(transports: [SocketIOClient.Transport]) async throws {
        let port = freePort()
        let client = SocketIOClient(
            .init(
                url: "http://127.0.0.1:\(port)", transports: transports,
                reconnection: .init(delay: .milliseconds(10), maximumDelay: .milliseconds(50))))
        let chat = client.socket("/chat", auth: .each { try JSONBytes(encoding: ["name": "ada"]) })
        var hellos = client.events.makeAsyncIterator()
        try await ChatServer.run("first", port: port) { _ in
            #expect(await hellos.next(isolation: #isolation)?.argument == #""first""#)
            let length: Int = try await chat.call("say", Message(from: "ada", text: "one", picture: nil))
            #expect(length == 3)
        }
        try await eventually { !client.main.isConnected && !chat.isConnected }
        // Said while there is nobody to hear it.
        let said = Task { () async throws -> Int in
            try await chat.call("say", Message(from: "ada", text: "later", picture: nil), timeout: .seconds(30))
        }
        try await ChatServer.run("second", port: port) { _ in
            #expect(await hellos.next(isolation: #isolation)?.argument == #""second""#)
            let length = try await said.value
            #expect(length == 5)
            #expect(try await client.main.call("whoami", as: String.self) == "second")
            await client.close()
        }
        let reason = try await client.closed.get()
        #expect(reason == .clientDisconnect)
    }

    @Test("a connection that is opened by long-polling goes on over WebSocket amid a stream of calls, and none is lost")
    func upgrade() async throws {
        try await ChatServer.run("a") { url in
            let client = SocketIOClient(.init(url: url, reconnection: nil))
            let main = client.main
            var count = 0
            while try await client.transport() != .websocket {
                try await withThrowingTaskGroup(of: String.self) { calls in
                    for _ in 0..<20 { calls.addTask { try await main.call("whoami") } }
                    for try await name in calls where name == "a" { count += 1 }
                }
            }
            #expect(count > 0 && count.isMultiple(of: 20))
            #expect(try await main.call("whoami", as: String.self) == "a")
            await client.close()
        }
    }
}
