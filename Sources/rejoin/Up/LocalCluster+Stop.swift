import RejoinServer

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

extension LocalCluster {
    /// Stops everything in order: nodes drain, then HAProxy, then Redis, which saves. What does not end in time, or
    /// when somebody asks again, is killed.
    func stop() {
        let asked = stopRequests
        guard members.contains(where: { $0.child?.isAlive ?? false }) else { return }
        // Clients first: they would only look for another node.
        end([bots], by: SIGTERM, within: .seconds(1), hurriesAfter: Int.max)
        let living = nodes.filter { $0.child?.isAlive ?? false }
        if !living.isEmpty {
            let drain = DurationText.format(plan.configuration.node.drain)
            let count = living.count == 1 ? "1 node drains" : "\(living.count) nodes drain"
            Terminal.say("stopping: \(count) for at most \(drain) (Ctrl-C again hurries)")
        }
        end(living, by: SIGTERM, within: plan.configuration.node.drain + .seconds(5), hurriesAfter: asked)
        end([proxy], by: SIGTERM, within: .seconds(3), hurriesAfter: Int.max)
        // It writes what it has: no hurry may cost sessions.
        end([redis], by: SIGTERM, within: .seconds(20), hurriesAfter: Int.max)
        ClusterFile.remove(inData: plan.data)
        Terminal.say("stopped")
    }

    private func end(_ members: [Member], by number: Int32, within limit: Duration, hurriesAfter requests: Int) {
        let deadline = ContinuousClock.now + limit
        for member in members { member.child?.send(number) }
        var left = members.filter { $0.child?.isAlive ?? false }
        var isKilled = false
        while !left.isEmpty {
            if !isKilled && (ContinuousClock.now >= deadline || stopRequests > requests) {
                let names = left.map(\.name).joined(separator: ", ")
                let reason = stopRequests > requests ? "in a hurry" : "after \(DurationText.format(limit))"
                Terminal.complain("\(names) killed \(reason)")
                for member in left { member.child?.send(SIGKILL) }
                isKilled = true
            }
            left = left.filter { member in
                guard let child = member.child else { return false }
                return !child.reap()
            }
            if !left.isEmpty { turn(for: .milliseconds(50)) }
        }
    }
}
