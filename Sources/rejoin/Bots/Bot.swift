import FoundationEssentials
import NIOCore
import SocketIO
import SocketIOClient

/// A player without a person: it enters the arena, walks about, and comes back when it is dropped. Confined to the task
/// that runs it.
final class Bot {
    /// Why a connection is given up.
    private enum Dropped: Error, CustomStringConvertible {
        case noSession
        case refused(String)
        case strange(String)

        var description: String {
            switch self {
            case .noSession: "the connection ended"
            case .refused(let why): why
            case .strange(let what): "not understood: \(what)"
            }
        }
    }

    /// What was sent and not yet answered: the same act, by the same id, on whatever node.
    private struct Act {
        let id: String
        let action: String
    }

    private let name: String
    private let password: String
    private var token: String?
    private let addresses: [String]
    private var next: Int
    private let accounts: BotAccounts
    private let eventLoop: any EventLoop
    private let run = BotAccounts.random(8)
    private var acts = 0
    private var unanswered: Act?
    private var direction = (dx: 1, dy: 0)

    /// - Parameters:
    ///   - addresses: where it connects, one after the other until one takes it.
    ///   - first: which of them is the first.
    init(
        account: BotAccounts.Account, addresses: [String], first: Int, accounts: BotAccounts,
        eventLoop: any EventLoop
    ) {
        name = account.name
        password = account.password
        token = account.token
        self.addresses = addresses
        next = first
        self.accounts = accounts
        self.eventLoop = eventLoop
    }

    /// Plays until its task is cancelled.
    ///
    /// - Parameter onArrival: Called when it is in the arena for the first time.
    func run(onArrival: () async -> Void) async {
        var attempts = 0
        var hasArrived = false
        while !Task.isCancelled {
            do {
                try await play {
                    attempts = 0
                    if !hasArrived { await onArrival() }
                    hasArrived = true
                }
            } catch {
                Terminal.complain("\(name): \(Terminal.singleLine("\(error)"))")
            }
            next += 1
            // As the official clients do: it doubles, at most 5 s, spread by half.
            let pause = min(5, 0.5 * Double(1 << min(attempts, 4))) * Double.random(in: 0.5...1.5)
            attempts += 1
            try? await Task.sleep(for: .seconds(pause))
        }
    }

    /// One connection, from its beginning to its end.
    private func play(onEntering: () async -> Void) async throws {
        let client = try await SocketIOClient.connect(
            SocketIOClient.Configuration(
                url: addresses[next % addresses.count],
                auth: #"{"token":\#(token.map(Self.quoted) ?? "null")}"#),
            on: eventLoop)
        defer { client.abort() }
        var session: JSONBytes?
        for await event in client.events where event.name == "session" {
            session = event.arguments.first
            break
        }
        guard let session else { throw Dropped.noSession }
        if let token = session["token"]?.string { try await keep(token) }
        if session["login"]?.bool != true { try await logIn(client) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await Self.listen(to: client) }
            defer { group.cancelAll() }
            _ = try await ask(client, "join", #"{"room":"arena"}"#)
            try await act(client, #"{"type":"enter"}"#)
            await onEntering()
            while true {
                try await Task.sleep(for: .milliseconds(.random(in: 300...700)))
                if Int.random(in: 0..<4) == 0 { turn() }
                try await act(client, #"{"type":"move","dx":\#(direction.dx),"dy":\#(direction.dy)}"#)
            }
        }
    }

    /// Takes what comes, since nobody looks at it; goes when the node does, or when the session is over.
    private static func listen(to client: SocketIOClient) async {
        for await event in client.events {
            switch event.name {
            case "drain":
                client.abort()
            case "session" where event.arguments.first?["login"]?.bool != true:
                client.abort()
            default:
                break
            }
        }
    }

    private func logIn(_ client: SocketIOClient) async throws {
        let answer = try await ask(
            client, "login", #"{"username":\#(Self.quoted(name)),"password":\#(Self.quoted(password))}"#)
        guard let token = answer["token"]?.string else { throw Dropped.strange("a login without a token") }
        try await keep(token)
    }

    private func keep(_ token: String) async throws {
        self.token = token
        try await accounts.keep(token: token, of: name)
    }

    /// Sends an act, after the one that was not answered before, until both are decided.
    private func act(_ client: SocketIOClient, _ action: String) async throws {
        if unanswered != nil { try await finish(client) }
        acts += 1
        unanswered = Act(id: "\(run)-\(acts)", action: action)
        try await finish(client)
    }

    private func finish(_ client: SocketIOClient) async throws {
        guard let act = unanswered else { return }
        do {
            _ = try await ask(client, "act", #"{"room":"arena","id":"\#(act.id)","action":\#(act.action)}"#)
        } catch Dropped.refused(let code) where ["rejected", "conflict"].contains(code) {
            // The arena's end, or somebody was faster.
            turn()
        }
        unanswered = nil
    }

    /// Asks until there is an answer that does not tell to come again later.
    private func ask(_ client: SocketIOClient, _ event: String, _ body: String) async throws -> JSONBytes {
        for _ in 0..<20 {
            let answer = try Self.json(try await client.call(event, body))
            if answer["ok"]?.bool == true { return answer }
            let code = answer["error"]?.string ?? "internal"
            guard ["unavailable", "rate_limited"].contains(code) else { throw Dropped.refused(code) }
            let wait = min(10_000, max(500, answer["retryAfter"]?.int ?? 0))
            try await Task.sleep(for: .milliseconds(wait + .random(in: 0...wait / 2)))
        }
        throw Dropped.refused("unavailable")
    }

    private func turn() {
        let before = direction
        repeat {
            direction = (Int.random(in: -1...1), Int.random(in: -1...1))
        } while direction == (0, 0) || direction == before
    }

    private static func json(_ text: String) throws -> JSONBytes {
        do throws(JSONError) {
            return try JSONBytes(validating: ByteBuffer(string: text))
        } catch {
            throw Dropped.strange(text)
        }
    }

    private static func quoted(_ text: String) -> String {
        String(buffer: JSONBytes(string: text).buffer)
    }
}
