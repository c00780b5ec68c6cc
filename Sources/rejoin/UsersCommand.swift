import Accounts
import ArgumentParser
import Logging
import RejoinServer

/// `rejoin users`: accounts.
struct UsersCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "users", abstract: "Adds, lists, changes and removes accounts.",
        subcommands: [Add.self, Passwd.self, List.self, Remove.self])

    /// How a password is given: asked for, or the first line of standard input.
    struct PasswordOptions: ParsableArguments {
        @Flag(help: "Read the password from the first line of standard input instead of asking for it twice.")
        var passwordStdin = false

        /// - Throws: ``Failure`` when there is no password, or its length is not allowed.
        func read(_ limits: RejoinConfiguration.Limits) throws -> String {
            let password = try passwordStdin ? PasswordPrompt.fromStandardInput() : PasswordPrompt.askTwice()
            guard limits.passwordBytes.contains(password.utf8.count) else {
                let range = limits.passwordBytes
                throw Failure(
                    "the password has \(password.utf8.count) bytes, expected \(range.lowerBound) to \(range.upperBound)"
                )
            }
            return password
        }
    }

    struct Add: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Makes an account.")

        @Argument(help: "The name of the account.")
        var name: String
        @OptionGroup var password: PasswordOptions

        func run() async throws {
            let configuration = try Settings.clusterConfiguration()
            let password = try password.read(configuration.limits)
            let user = try await UsersCommand.accounts(configuration, name) { accounts throws(AccountsError) in
                try await accounts.add(name: name, password: password)
            }
            Terminal.say("added \(Terminal.singleLine(user.name)) (\(user.id))")
        }
    }

    struct Passwd: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Changes a password, and ends the user's sessions.")

        @Argument(help: "The name of the account.")
        var name: String
        @OptionGroup var password: PasswordOptions

        func run() async throws {
            let configuration = try Settings.clusterConfiguration()
            let password = try password.read(configuration.limits)
            let name = name
            try await UsersCommand.change(configuration, "changed the password of") {
                try await UsersCommand.accounts(configuration, name) { accounts throws(AccountsError) in
                    try await accounts.setPassword(name: name, password: password)
                }
            }
        }
    }

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Lists all accounts.")

        @OptionGroup var output: OutputOptions

        func run() async throws {
            let configuration = try Settings.configuration()
            var users: [User] = []
            try await UsersCommand.accounts(configuration) { accounts throws(AccountsError) in
                repeat {
                    let page = try await accounts.list(after: users.last?.name)
                    users += page
                    guard page.count == 1_000 else { break }
                } while true
            }
            if output.json {
                try output.print(users.map { Row(id: $0.id, name: $0.name) })
            } else {
                Terminal.say(Table.render(["NAME", "ID"], users.map { [$0.name, $0.id] }))
            }
        }

        private struct Row: Encodable {
            let id: String
            let name: String
        }
    }

    struct Remove: AsyncParsableCommand {
        static let configuration = CommandConfiguration(abstract: "Removes an account, and ends the user's sessions.")

        @Argument(help: "The name of the account.")
        var name: String

        func run() async throws {
            let configuration = try Settings.clusterConfiguration()
            let name = name
            try await UsersCommand.change(configuration, "removed") {
                try await UsersCommand.accounts(configuration, name) { accounts throws(AccountsError) in
                    try await accounts.remove(name: name)
                }
            }
        }
    }

    /// Opens the store for the work, and says in one line what fails, and with whose account.
    @discardableResult
    static func accounts<Result>(
        _ configuration: RejoinConfiguration, _ name: String? = nil,
        _ work: (Accounts) async throws(AccountsError) -> Result
    ) async throws -> Result {
        var logger = Logger(label: "rejoin.users")
        logger.logLevel = .error
        do throws(AccountsError) {
            return try await work(Accounts.open(configuration, logger: logger))
        } catch {
            guard let name, error.code != .invalidStore, error.code != .unavailable else {
                throw Failure(error.description)
            }
            throw Failure("\(name): \(error.description)")
        }
    }

    /// Changes an account, and ends every session of its user on every node; without a cluster to ask, only the former.
    ///
    /// Redis is looked for first, so that a change whose sessions cannot be ended is not made.
    ///
    /// - Parameter done: what happened to the user, as the line begins that says so.
    private static func change(
        _ configuration: RejoinConfiguration, _ done: String, _ change: @escaping @Sendable () async throws -> User
    ) async throws {
        guard configuration.redis != nil else {
            let user = try await change()
            say(done, user)
            Terminal.complain(
                "no Redis is given and no `rejoin up` runs here: sessions of this user were not ended; "
                    + "`rejoin sessions revoke --user-id \(user.id)` with --redis-url ends them")
            return
        }
        let ended: ClusterConsole.Confirmation
        do {
            ended = try await ClusterConsole.with(configuration) { console in
                let user = try await change()
                say(done, user)
                do {
                    return try await console.endSessions(ofUser: user.id)
                } catch {
                    throw Failure(
                        "sessions of this user may not have ended: \(error); "
                            + "`rejoin sessions revoke --user-id \(user.id)` ends them")
                }
            }
        } catch {
            guard !(error is Failure), !(error is ConfigurationError) else { throw error }
            throw Failure("nothing was changed: \(error)")
        }
        try SessionsCommand.report(ended, before: "sessions ended, ")
    }

    private static func say(_ done: String, _ user: User) {
        Terminal.say("\(done) \(Terminal.singleLine(user.name)) (\(user.id))")
    }
}
