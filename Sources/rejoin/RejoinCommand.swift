import ArgumentParser
import RejoinServer

/// The root: names the commands.
struct RejoinCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rejoin",
        abstract: "A server for real-time games and rooms, over Socket.IO, that survives the loss of any node.",
        discussion: """
            Try it: `rejoin up` runs a whole cluster on this machine.

            Settings come from flags (--redis-url), the environment (REJOIN_REDIS_URL) and the YAML file of \
            --config FILE, in this order; `rejoin serve --help` lists all of them, and every command takes them.

            Exit codes: 0 done, 1 the work failed, 2 wrong usage or configuration.
            """,
        version: "rejoin \(RejoinVersion.current)",
        subcommands: [
            ServeCommand.self, UpCommand.self, UsersCommand.self, SessionsCommand.self, RoomsCommand.self,
            NodesCommand.self, DrainCommand.self, DoctorCommand.self, BotsCommand.self, BenchCommand.self,
            SettingsCommand.self,
        ])
}

/// `rejoin settings`: the table of settings, as text or as the documentation has it.
struct SettingsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "settings", abstract: "Prints every setting with its default.", shouldDisplay: false)

    @Flag(help: "As Markdown tables, for the documentation.")
    var markdown = false

    func run() {
        Terminal.say(markdown ? ConfigurationHelp.markdown : ConfigurationHelp.text)
    }
}
