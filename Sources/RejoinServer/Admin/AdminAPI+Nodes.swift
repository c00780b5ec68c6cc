import Cluster
import Hummingbird

/// The nodes of the cluster.
extension AdminAPI {
    private struct NodeList: Encodable {
        let nodes: [ClusterConsole.Node]
    }

    private struct Drain: Encodable {
        let name: String
        /// `draining`, or `gone` when it has left already.
        let state: String
    }

    func nodes() async throws -> Response {
        let records = try await NodeDirectory.fetch(redis: parts.redis, prefix: parts.configuration.redisPrefix)
        return try Self.json(NodeList(nodes: records.map(ClusterConsole.Node.init)))
    }

    /// Answers when the node has begun to drain.
    func drain(_ request: AdminRequest) async throws -> Response {
        guard let name = NodeName(request.parameters["node"] ?? "") else {
            throw AdminFailure.notFound("no live node has this name")
        }
        let record = try await NodeDirectory.requestDrain(
            redis: parts.redis, prefix: parts.configuration.redisPrefix, node: name)
        return try Self.json(
            Drain(name: name.description, state: record?.state.rawValue ?? "gone"), status: .accepted)
    }
}
