/// Whether a node may take new sockets, as far as the cluster is concerned, and why not.
public struct Readiness: Sendable, Equatable {
    public var state: NodeState
    /// Why it is not ready, for people; nil when it is.
    public var reason: String?

    public var isReady: Bool { state == .ready }

    static let ready = Readiness(state: .ready, reason: nil)
}

/// What readiness follows from, at one moment.
struct ReadinessFacts {
    var name: NodeName
    var isDraining = false
    var isConnected = true
    /// Why Redis cannot be used; nil when that is not known.
    var redisFailure: String?
    var phase = Membership.Phase.member
    /// How long ago the node heard itself, and its heartbeat was answered; nil when never.
    var heardAgo: Duration?
    var heartbeatAgo: Duration?
    var heartbeatFailure: String?
    var isDeaf = false
    var freshFor: Duration
    var address: String
    var host: String
    var storeID: String?
    var list: NodeList

    var readiness: Readiness {
        if isDraining { return Readiness(state: .draining, reason: "the node is draining") }
        switch phase {
        case .replaced: return Readiness(state: .unready, reason: "another process has the node name \(name)")
        case .left: return Readiness(state: .draining, reason: "the node has left the cluster")
        case .joining:
            guard isConnected else { return Readiness(state: .starting, reason: disconnection) }
            let reason = "the node has not joined the cluster yet"
            return Readiness(state: .starting, reason: heartbeatFailure.map { "\(reason): \($0)" } ?? reason)
        case .member: break
        }
        if !isConnected { return Readiness(state: .unready, reason: disconnection) }
        let failure = heartbeatFailure.map { ": \($0)" } ?? ""
        guard let heartbeatAgo else { return Readiness(state: .starting, reason: "no heartbeat yet\(failure)") }
        // One that failed is no reason yet: a node that is ready in turns helps nobody.
        if heartbeatAgo > freshFor {
            return Readiness(state: .unready, reason: "no heartbeat succeeded for \(heartbeatAgo.text)\(failure)")
        }
        if isDeaf || heardAgo.map({ $0 > freshFor }) ?? false {
            let since = heardAgo.map { "for \($0.text)" } ?? "yet"
            return Readiness(state: .deaf, reason: "the node has not heard its own messages \(since)")
        }
        guard heardAgo != nil else {
            return Readiness(state: .starting, reason: "the node has not heard its own messages yet")
        }
        if let reason = storeReason ?? addressReason { return Readiness(state: .unready, reason: reason) }
        return .ready
    }

    private var disconnection: String {
        "not connected to Redis" + (redisFailure.map { ": \($0)" } ?? "")
    }

    private var storeReason: String? {
        guard let storeID, let cluster = list.storeID, storeID != cluster else { return nil }
        return "this node's accounts store (id \(storeID)) is not the cluster's (id \(cluster)):"
            + " give every node the same REJOIN_ACCOUNTS_URL"
    }

    private var addressReason: String? {
        guard AdvertisedAddress(address).isLocal,
            let other = list.records.values.filter({ $0.name != name && $0.host != host })
                .min(by: { $0.name < $1.name })
        else { return nil }
        return "the other nodes cannot reach \(address.isEmpty ? "this node" : address), and node \(other.name)"
            + " is on another host: set REJOIN_ADVERTISE to HOST:PORT"
    }
}

extension Duration {
    /// Seconds with one digit, for people.
    fileprivate var text: String {
        let tenths = wholeMilliseconds / 100
        return "\(tenths / 10).\(tenths % 10) s"
    }
}
