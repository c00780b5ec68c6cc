/// The live nodes as one heartbeat or one reading of the registry told them.
struct NodeList: Sendable {
    /// By name, in the order of the names.
    var records: [NodeName: NodeRecord] = [:]
    /// Names that are listed, but whose records were not asked for.
    var unread: Set<NodeName> = []
    /// When the reading was asked for: who was listed before it is in it.
    var readAt: ContinuousClock.Instant
    /// The id of the cluster's accounts store; nil when no node has one.
    var storeID: String?
    /// What the node was asked to drain by; nil when nobody asked.
    var drainRequest: String?

    init(readAt: ContinuousClock.Instant) {
        self.readAt = readAt
    }

    func contains(_ name: NodeName, _ incarnation: Incarnation) -> Bool {
        records[name]?.incarnation == incarnation
    }
}
