import ArgumentParser
import RejoinServer

/// `rejoin drain NODE`: asks a node to leave, and follows it until it is gone.
struct DrainCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "drain", abstract: "Starts a node's drain and follows it until the node is gone.")

    @Argument(help: "The name of the node, as `rejoin nodes` shows it.")
    var node: String

    func run() async throws {
        let configuration = try Settings.requiredClusterConfiguration()
        let node = node
        try await ClusterConsole.with(configuration) { console in
            guard let before = try await console.nodes().first(where: { $0.name == node }) else {
                throw Failure("no live node has the name \(node), `rejoin nodes` lists them")
            }
            try await console.drain(node: node)
            Terminal.say("node \(node) is asked to drain, it has \(before.sockets) sockets")
            // The node's own limit may be longer than ours is configured: an hour is the longest there is.
            let deadline = ContinuousClock.now + .seconds(3_630)
            var shown = before.sockets
            while ContinuousClock.now < deadline {
                try await Task.sleep(for: .milliseconds(500))
                let current = try await console.nodes().first { $0.name == node }
                guard let current, current.startedAt == before.startedAt else {
                    return Terminal.say("node \(node) is gone")
                }
                if current.sockets != shown {
                    Terminal.say("node \(node) is \(current.state), \(current.sockets) sockets left")
                    shown = current.sockets
                }
            }
            throw Failure("node \(node) is still there")
        }
    }
}
