import ArgumentParser
import RejoinServer

/// `rejoin serve`: one node.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Runs one node.",
        usage: "rejoin serve [--config FILE] [--KEY VALUE ...]",
        discussion: ConfigurationHelp.text)

    func run() async throws {
        let configuration = try Settings.configuration()
        _ = try configuration.requireRedis()
        try await RejoinNode(configuration: configuration).run()
    }
}
