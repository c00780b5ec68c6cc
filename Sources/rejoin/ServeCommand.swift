import ArgumentParser
import CoreMetrics
import Logging
import PrometheusMetrics
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
        LoggingSystem.bootstrap { label in
            RejoinLogHandler(label: label, level: configuration.log.level, format: configuration.log.format)
        }
        let metrics = PrometheusRegistry()
        MetricsSystem.bootstrap(metrics)
        let node = RejoinNode(configuration: configuration, metrics: metrics, logger: Logger(label: "rejoin")) { node in
            Terminal.say("rejoin: node \(node.name) ready on \(node.url) (admin \(node.adminURL))")
        }
        try await node.run()
    }
}
