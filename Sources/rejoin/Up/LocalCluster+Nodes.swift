import RejoinServer

extension LocalCluster {
    /// Starts all nodes at once and waits until each said that it is ready.
    func startNodes() throws {
        for node in nodes { try launch(node) }
        let isDone = try pump(until: .now + .seconds(60)) {
            for node in nodes {
                if let child = node.child, child.reap(), let ending = child.ending {
                    throw Failure("node \(node.name) \(ending) before it was ready", details: tail(of: node))
                }
            }
            return nodes.allSatisfy(\.isReady)
        }
        guard isDone else {
            let late = nodes.filter { !$0.isReady }.map(\.name).joined(separator: ", ")
            throw Failure("not ready within 60 s: \(late); see \(plan.data)/log")
        }
    }

    /// Starts a node; again at the ports that HAProxy knows, if it had some.
    func launch(_ node: Member) throws {
        let ports = (public: node.address?.public.port ?? 0, admin: node.address?.admin.port ?? 0)
        node.isReady = false
        node.child = try Child(
            Child.Command(
                program: plan.nodeProgram, arguments: ["serve"],
                environment: plan.environment(node: node.name, redisURL: redisURL, ports: ports),
                log: log(of: node), readsOutput: true, signalOnParentDeath: "KILL"),
            setpriv: plan.setpriv)
    }

    /// Takes the ready line when it comes.
    func readLines(of node: Member) {
        guard let child = node.child else { return }
        for line in child.takeLines() {
            guard let address = ListeningAddress(readyLine: line, node: node.name) else { continue }
            node.address = address
            node.isReady = true
            Terminal.say(
                "node \(node.name) ready on \(address.publicURL) (admin \(address.adminURL), pid \(child.pid))")
        }
    }
}
