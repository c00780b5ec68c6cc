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
            try await UsersCommand.requireCluster(configuration)
            let user = try await UsersCommand.accounts(configuration, name) { accounts throws(AccountsError) in
                try await accounts.setPassword(name: name, password: password)
            }
            Terminal.say("changed the password of \(Terminal.singleLine(user.name)) (\(user.id))")
            try await UsersCommand.endSessions(of: user, configuration)
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
            try await UsersCommand.requireCluster(configuration)
            let user = try await UsersCommand.accounts(configuration, name) { accounts throws(AccountsError) in
                try await accounts.remove(name: name)
            }
            Terminal.say("removed \(Terminal.singleLine(user.name)) (\(user.id))")
            try await UsersCommand.endSessions(of: user, configuration)
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

    /// What cannot be done whole is not begun: nobody is removed, or locked out, who stays logged in.
    private static func requireCluster(_ configuration: RejoinConfiguration) async throws {
        guard configuration.redis != nil else { return }
        try await ClusterConsole.with(configuration) { _ in }
    }

    /// Ends every session of the user on every node, when there is a cluster to ask.
    private static func endSessions(of user: User, _ configuration: RejoinConfiguration) async throws {
        guard configuration.redis != nil else {
            Terminal.complain(
                "no Redis is given and no `rejoin up` runs here: sessions of this user were not ended; "
                    + "give --redis-url to end them")
            return
        }
        let ended: ClusterConsole.Confirmation
        do {
            ended = try await ClusterConsole.with(configuration) { try await $0.endSessions(ofUser: user.id) }
        } catch {
            Terminal.complain(
                "the user's sessions were not ended; repeat it as rejoin sessions revoke --user-id \(user.id)")
            throw error
        }
        try SessionsCommand.report(ended, before: "sessions ended, ")
    }
}
