import ArgumentParser
import NIOCore
import RejoinServer
import Rooms

/// `rejoin serve`: one node.
struct ServeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve", abstract: "Runs one node.",
        usage: "rejoin serve [--config FILE] [--KEY VALUE ...]",
        discussion: ConfigurationHelp.text)

    func run() async throws {
        let configuration = try Settings.configuration()
        var games = GameCatalog()
        games.register(Arena(), for: "arena")
        do {
            try await NodeProgram(games: games).run(configuration)
        } catch let error as IOError {
            throw Self.failure(of: error, configuration)
        }
    }

    /// What the system refused, with the listener that it is about.
    private static func failure(of error: IOError, _ configuration: RejoinConfiguration) -> Failure {
        let node = configuration.node
        let listeners = [(node.host, node.port, "--port"), (node.adminHost, node.adminPort, "--admin-port")]
        for (host, port, flag) in listeners {
            guard let obstacle = LoopbackPort.obstacle(host: host, port: port) else { continue }
            return Failure("port \(port) of \(host) cannot be used: \(obstacle); \(flag) gives another one")
        }
        return Failure("\(error)")
    }
}
