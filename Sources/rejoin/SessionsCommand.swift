import Accounts
import ArgumentParser
import FoundationEssentials
import RejoinServer

/// `rejoin sessions`: who is logged in where, and ending it.
struct SessionsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sessions", abstract: "Lists, shows and revokes sessions.",
        subcommands: [List.self, Show.self, Revoke.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists sessions, all of them in no order or a user's, the oldest login first.")

        @OptionGroup var user: UserOptions
        @Option(help: "How many sessions at most.")
        var limit = 1_000
        @OptionGroup var output: OutputOptions

        func validate() throws {
            guard (1...1_000_000).contains(limit) else {
                throw ValidationError("--limit is \(limit), expected 1 to 1000000")
            }
        }

        func run() async throws {
            let configuration = try Settings.requiredClusterConfiguration()
            let user = try await user.find(configuration)
            let limit = limit
            let (sessions, more) = try await ClusterConsole.with(configuration) { console in
                if let user {
                    try await console.sessions(ofUser: user.id, limit: limit)
                } else {
                    try await console.sessions(limit: limit)
                }
            }
            if let user, !user.isAccount, sessions.isEmpty { throw user.stranger }
            if output.json {
                try output.print(sessions)
            } else {
                let now = Int(Date().timeIntervalSince1970 * 1_000)
                let rows = sessions.map { session in
                    [
                        session.handle, session.user?.name ?? "(guest)",
                        NodesCommand.uptime(milliseconds: now - session.created),
                        NodesCommand.uptime(milliseconds: now - session.seen),
                        NodesCommand.uptime(milliseconds: session.expires - now),
                        session.address.isEmpty ? "-" : session.address,
                        session.client.isEmpty ? "-" : session.client,
                    ]
                }
                Terminal.say(
                    Table.render(["HANDLE", "USER", "AGE", "IDLE", "ENDS IN", "ADDRESS", "CLIENT"], rows))
            }
            if more { Terminal.complain("there are more sessions than these; --limit shows more of them") }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Shows a session.")

        @Argument(help: "The handle, as `rejoin sessions list` shows it.")
        var handle: String
        @OptionGroup var output: OutputOptions

        func validate() throws {
            try SessionsCommand.validate(handle)
        }

        func run() async throws {
            let configuration = try Settings.requiredClusterConfiguration()
            let handle = handle
            let session = try await ClusterConsole.with(configuration) { try await $0.session(handle) }
            guard let session else { throw SessionsCommand.noSession(handle) }
            if output.json { return try output.print(session) }
            let rows = [
                ["handle", session.handle],
                ["user", session.user.map { "\($0.name) (\($0.id))" } ?? "(guest)"],
                ["created", Self.time(session.created)],
                ["seen", Self.time(session.seen)],
                ["expires", Self.time(session.expires)],
                ["address", session.address.isEmpty ? "-" : session.address],
                ["client", session.client.isEmpty ? "-" : session.client],
            ]
            Terminal.say(Table.render(["SESSION", ""], rows))
        }

        private static func time(_ milliseconds: Int) -> String {
            Date(timeIntervalSince1970: Double(milliseconds) / 1_000).formatted(.iso8601)
        }
    }

    struct Revoke: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Ends a session, or all sessions of a user, on every node.")

        @Argument(help: "The handle, as `rejoin sessions list` shows it.")
        var handle: String?
        @OptionGroup var user: UserOptions

        func validate() throws {
            guard (handle == nil) == user.isGiven else {
                throw ValidationError("either a handle, --user or --user-id is expected")
            }
            if let handle { try SessionsCommand.validate(handle) }
        }

        func run() async throws {
            let configuration = try Settings.requiredClusterConfiguration()
            if let handle {
                let ended = try await ClusterConsole.with(configuration) { try await $0.endSession(handle) }
                guard let ended else { throw SessionsCommand.noSession(handle) }
                return try SessionsCommand.report(ended)
            }
            guard let user = try await user.find(configuration) else { return }
            let ended = try await ClusterConsole.with(configuration) { try await $0.endSessions(ofUser: user.id) }
            if !user.isAccount, ended.sessions == 0 { throw user.stranger }
            try SessionsCommand.report(ended)
        }
    }

    /// Whose sessions are meant.
    struct UserOptions: ParsableArguments {
        @Option(
            parsing: .unconditional,
            help: "The name of an account; when none has it, the id of a user of an identity provider.")
        var user: String?
        @Option(
            parsing: .unconditional,
            help: "The id of a user, whatever the accounts say.")
        var userId: String?

        var isGiven: Bool { user != nil || userId != nil }

        func validate() throws {
            guard user == nil || userId == nil else {
                throw ValidationError("either --user or --user-id is expected, not both")
            }
        }

        /// The user that is meant; `nil` when none is given.
        func find(_ configuration: RejoinConfiguration) async throws -> Subject? {
            if let userId { return Subject(id: userId, name: userId, isAccount: true) }
            guard let user else { return nil }
            let account = try await UsersCommand.accounts(configuration, user) { accounts throws(AccountsError) in
                try await accounts.user(named: user)
            }
            return account.map { Subject(id: $0.id, name: user, isAccount: true) }
                ?? Subject(id: user, name: user, isAccount: false)
        }
    }

    /// A user whose sessions are meant.
    struct Subject: Sendable {
        let id: String
        let name: String
        /// Whether it is certain who is meant, be there sessions or not.
        let isAccount: Bool

        /// Neither accounts nor sessions know the user.
        var stranger: Failure {
            Failure(
                "no account has the name \(name), and no session is of a user of that id; "
                    + "`rejoin sessions show HANDLE` tells the id of a session's user")
        }
    }

    /// Says who confirmed; the last line that a command prints.
    ///
    /// - Throws: ``Failure`` with the names of the nodes that did not.
    static func report(_ ended: ClusterConsole.Confirmation, before: String = "") throws {
        if ended.replicated == false {
            Terminal.complain("no replica of Redis has it yet: should Redis fail over now, the nodes repeat it")
        }
        Terminal.say("\(before)confirmed by \(ended.sockets) sockets on \(ended.nodes) nodes")
        guard ended.missing.isEmpty else {
            throw Failure(
                "no answer from \(ended.missing.joined(separator: ", ")); sockets there notice within 30 s")
        }
    }

    /// Puts handles that begin with a hyphen behind `--`, or they would be taken for flags.
    static func setApartHandles(in arguments: inout [String]) {
        guard arguments.first == configuration.commandName, !arguments.contains("--") else { return }
        let handles = arguments.filter { $0.hasPrefix("-") && ClusterConsole.isHandle($0) }
        guard !handles.isEmpty else { return }
        arguments.removeAll { handles.contains($0) }
        arguments += ["--"] + handles
    }

    private static func validate(_ handle: String) throws {
        guard ClusterConsole.isHandle(handle) else {
            throw ValidationError(
                "\(handle) is no session's handle, expected one as `rejoin sessions list` shows them")
        }
    }

    private static func noSession(_ handle: String) -> Failure {
        Failure("no session has the handle \(handle), `rejoin sessions list` lists them")
    }
}
