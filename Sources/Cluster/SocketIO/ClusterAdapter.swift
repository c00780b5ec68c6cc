public import SocketIO

/// Carries a Socket.IO server's messages over the cluster's bus.
///
/// To be made before the cluster runs. What a node tells all of them it hears itself from Redis too: one order for all.
public struct ClusterAdapter: Adapter {
    private static let kind = "sockets"

    private let cluster: Cluster

    public init(_ cluster: Cluster) {
        self.cluster = cluster
    }

    public func receive(_ perform: @escaping @Sendable (JSONBytes) async -> JSONBytes) {
        cluster.onControl(kind: Self.kind, isShared: true) { message in await perform(message.body) }
    }

    public func tell(_ message: JSONBytes) async throws(AdapterError) {
        do throws(ClusterError) {
            try await cluster.tell(kind: Self.kind, body: message)
        } catch {
            throw AdapterError(error.code == .tooLarge ? .tooLarge : .unavailable, error.message, underlying: error)
        }
    }

    public func ask(_ question: JSONBytes, timeout: Duration) async throws(AdapterError) -> AdapterAnswers {
        let result = await cluster.ask(kind: Self.kind, body: question, timeout: timeout)
        return AdapterAnswers(
            answers: result.answers.sorted { $0.key < $1.key }.map(\.value), missing: result.missing.map(\.description))
    }
}
