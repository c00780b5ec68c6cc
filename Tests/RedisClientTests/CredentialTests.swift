import Logging
import RedisClient
import Synchronization
import TestSupport
import Testing

@Suite("Credentials of Redis", .timeLimit(.minutes(1)))
struct CredentialTests {
    @Test("a password alone, and an ACL user with one, are accepted")
    func accepted() async throws {
        try await withRedisServer(["--requirepass", "p@ss/word"]) { server in
            try await withClient("redis://:p%40ss%2Fword@127.0.0.1:\(server.port)") { client async throws in
                _ = try await client.send("ACL", ["SETUSER", "node", "on", ">secret", "+@all", "~*", "&*"])
            }
            try await withClient("redis://node:secret@127.0.0.1:\(server.port)") { client async throws in
                #expect(try await client.send("ACL", ["WHOAMI"]).string == "node")
            }
        }
    }

    @Test("with a wrong or missing password the client never connects, and no log line holds the password")
    func refused() async throws {
        try await withRedisServer(["--requirepass", "right"]) { server in
            for credentials in ["", ":hunter2@", "hunter2:hunter2@"] {
                let lines = Recorder<String>()
                var logger = Logger(label: "test") { _ in RecordingHandler(lines: lines) }
                logger.logLevel = .trace
                let client = try makeClient("redis://\(credentials)127.0.0.1:\(server.port)", logger: logger)
                try await running(client) {
                    try await eventually { lines.all.count >= 2 }
                    #expect(!client.isConnected)
                }
                #expect(lines.all[0].contains(credentials.isEmpty ? "NOAUTH" : "WRONGPASS"))
                // The user is named; the password is not.
                #expect(!lines.all.joined().replacing("hunter2:***", with: "").contains("hunter2"))
            }
        }
    }

    @Test("a subscriber authenticates, too")
    func subscriber() async throws {
        try await withRedisServer(["--requirepass", "right"]) { server in
            let subscriber = try makeSubscriber("redis://:right@127.0.0.1:\(server.port)")
            try await running(subscriber) {
                try await subscriber.subscribe(.plain("news")) { _ in }
                #expect(subscriber.isConnected)
            }
        }
    }
}

private struct RecordingHandler: LogHandler {
    let lines: Recorder<String>
    var logLevel = Logger.Level.trace
    var metadata = Logger.Metadata()

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { self.metadata[key] }
        set { self.metadata[key] = newValue }
    }

    func log(event: LogEvent) {
        self.lines.append("\(event.message) \(event.metadata ?? [:])")
    }
}
