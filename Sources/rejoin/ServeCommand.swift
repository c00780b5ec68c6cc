import ArgumentParser
import CoreMetrics
import Logging
import NIOCore
import PrometheusMetrics
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
        _ = try configuration.requireRedis()
        LoggingSystem.bootstrap { label in
            RejoinLogHandler(label: label, level: configuration.log.level, format: configuration.log.format)
        }
        let metrics = PrometheusRegistry()
        MetricsSystem.bootstrap(metrics)
        var games = GameCatalog()
        games.register(Arena(), for: "arena")
        let node = RejoinNode(
            configuration: configuration, games: games, metrics: metrics, logger: Logger(label: "rejoin"),
            onReady: { Terminal.say("rejoin: node \($0.name) ready on \($0.url) (admin \($0.adminURL))") })
        do {
            try await node.run()
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
