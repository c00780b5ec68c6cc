import ArgumentParser
import FoundationEssentials
import RejoinServer

/// `rejoin nodes`: the live nodes.
struct NodesCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nodes", abstract: "Lists the live nodes of the cluster.")

    @OptionGroup var output: OutputOptions

    func run() async throws {
        let configuration = try Settings.requiredClusterConfiguration()
        let nodes = try await ClusterConsole.with(configuration) { try await $0.nodes() }
        if output.json { return try output.print(nodes) }
        let now = Int(Date().timeIntervalSince1970 * 1_000)
        let rows = nodes.map { node in
            [
                node.name, node.address, node.version, Self.uptime(milliseconds: now - node.startedAt),
                "\(node.sockets)", "\(node.rooms)", node.reason.isEmpty ? node.state : "\(node.state): \(node.reason)",
            ]
        }
        Terminal.say(Table.render(["NAME", "ADDRESS", "VERSION", "UPTIME", "SOCKETS", "ROOMS", "STATE"], rows))
    }

    /// The two largest units: `3d 4h`, `5m 2s`.
    static func uptime(milliseconds: Int) -> String {
        let seconds = max(0, milliseconds / 1_000)
        let parts = [
            (seconds / 86_400, "d"), (seconds / 3_600 % 24, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s"),
        ]
        let first = parts.firstIndex { $0.0 > 0 } ?? 3
        return parts[first..<min(first + 2, 4)].map { "\($0.0)\($0.1)" }.joined(separator: " ")
    }
}
