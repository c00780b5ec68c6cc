import FoundationEssentials
import NIOCore
import SocketIO
import SocketIOClient

/// A player without a person: it enters the arena, walks to tiles that are not its own, and comes back when it is dropped. Confined to the task
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
    private let board: BotBoard
    /// Where it walks to.
    private var goal: BotBoard.Tile?

    /// - Parameters:
    ///   - addresses: where it connects, one after the other until one takes it.
    ///   - first: which of them is the first.
    init(
        account: BotAccounts.Account, addresses: [String], first: Int, accounts: BotAccounts, board: BotBoard,
        eventLoop: any EventLoop
    ) {
        name = account.name
        password = account.password
        token = account.token
        self.addresses = addresses
        next = first
        self.accounts = accounts
        self.board = board
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
        let user = session["login"]?.bool == true ? session["user"] : try await logIn(client)
        guard let userID = user?["id"]?.string else { throw Dropped.strange("a login without a user") }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { [board] in await Self.listen(to: client, board) }
            defer { group.cancelAll() }
            board.take(try await ask(client, "join", #"{"room":"arena"}"#))
            try await act(client, #"{"type":"enter"}"#)
            await onEntering()
            // A person's pace differs from another one's.
            let pace = Int.random(in: 250...450)
            while true {
                try await Task.sleep(for: .milliseconds(Int.random(in: pace...pace + 120)))
                try await step(client, userID)
            }
        }
    }

    /// One step towards the goal; a look around when it is reached; back in when somebody took the place.
    private func step(_ client: SocketIOClient, _ userID: String) async throws {
        guard let place = board.place(of: userID) else {
            try await Task.sleep(for: .milliseconds(.random(in: 2_000...5_000)))
            // Whatever the board missed meanwhile is in a fresh answer.
            board.take(try await ask(client, "join", #"{"room":"arena"}"#))
            if board.place(of: userID) == nil { try await act(client, #"{"type":"enter"}"#) }
            return
        }
        if goal == nil || goal == place {
            if goal != nil, Int.random(in: 0..<4) == 0 {
                try await Task.sleep(for: .milliseconds(.random(in: 400...1_600)))
            }
            goal = board.goal(of: userID, from: place)
        }
        guard let goal, goal != place else { return }
        let dx = (goal.x - place.x).signum()
        let dy = (goal.y - place.y).signum()
        try await act(client, #"{"type":"move","dx":\#(dx),"dy":\#(dy)}"#)
    }

    /// Writes down what comes; goes when the node does, or when the session is over.
    private static func listen(to client: SocketIOClient, _ board: BotBoard) async {
        for await event in client.events {
            switch event.name {
            case "patch", "state":
                if let body = event.arguments.first { board.take(body) }
            case "drain":
                client.abort()
            case "session" where event.arguments.first?["login"]?.bool != true:
                client.abort()
            default:
                break
            }
        }
    }

    /// - Returns: The user.
    private func logIn(_ client: SocketIOClient) async throws -> JSONBytes? {
        let answer = try await ask(
            client, "login", #"{"username":\#(Self.quoted(name)),"password":\#(Self.quoted(password))}"#)
        guard let token = answer["token"]?.string else { throw Dropped.strange("a login without a token") }
        try await keep(token)
        return answer["user"]
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
            // The arena's end, or no longer in it.
            goal = nil
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
