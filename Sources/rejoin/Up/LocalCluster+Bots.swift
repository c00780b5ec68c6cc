extension LocalCluster {
    /// Starts the players without people, when some were asked for.
    func startBots() throws {
        guard plan.bots > 0 else { return }
        // They speak no TLS.
        let proxy = plan.proxyTLS == nil ? proxyURL : nil
        let addresses = proxy.map { [$0] } ?? nodes.compactMap { $0.address?.publicURL }
        bots.child = try Child(
            Child.Command(
                program: plan.executable,
                arguments: ["bots", "--count", "\(plan.bots)"] + addresses.flatMap { ["--address", $0] },
                environment: plan.environmentOfBots, log: log(of: bots), readsOutput: true,
                signalOnParentDeath: "KILL"),
            setpriv: plan.setpriv)
    }

    /// Passes on that they are there.
    func readLinesOfBots() {
        for line in bots.child?.takeLines() ?? [] where line.hasPrefix("rejoin: ") {
            Terminal.say(String(line.dropFirst("rejoin: ".count)))
        }
    }
}
