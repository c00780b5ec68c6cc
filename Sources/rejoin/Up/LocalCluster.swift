import RejoinServer

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The cluster of `up`: starts Redis, nodes and HAProxy, watches them, and stops them in order.
///
/// Confined to the main thread: one `poll` waits for signals, for the nodes' ready lines, and for what is due.
final class LocalCluster {
    /// What ends the start or the watch early.
    enum Interruption: Error {
        /// SIGINT, SIGTERM or SIGHUP came.
        case asked
    }

    /// One of the processes, over all of its restarts.
    final class Member {
        let name: String
        var child: Child?
        /// When it is started again; `nil` when it is not to be.
        var restartAt: ContinuousClock.Instant?
        var pause = Duration.seconds(1)
        /// Where a node listens, once it said so.
        var address: ListeningAddress?
        var isReady = false

        init(_ name: String) { self.name = name }
    }

    let plan: UpPlan
    let signals: SignalPipe
    let redis = Member("redis")
    let proxy = Member("haproxy")
    let bots = Member("bots")
    let nodes: [Member]
    var redisPort = 0
    var redisURL = ""
    /// How often somebody asked to stop.
    private(set) var stopRequests = 0
    var hasSaidThatNothingRestarts = false

    var members: [Member] { [redis] + nodes + [proxy, bots] }

    init(_ plan: UpPlan) throws {
        self.plan = plan
        nodes = (1...plan.nodes).map { Member("n\($0)") }
        try Path.makePrivateFolder(plan.data)
        try Path.makePrivateFolder("\(plan.data)/log")
        signals = try SignalPipe()
    }

    /// Runs until somebody asks to stop, and leaves nothing behind.
    ///
    /// - Throws: ``Failure`` when a part does not start, or Redis is lost for good.
    func run() throws {
        let lock = try DataLock(data: plan.data)
        let failure = runLocked()
        _ = consume lock
        if let failure { throw failure }
    }

    private func runLocked() -> Failure? {
        do {
            try start()
            try watch()
        } catch Interruption.asked {
            stop()
        } catch {
            stop()
            return error as? Failure ?? Failure("\(error)")
        }
        return nil
    }

    private func start() throws {
        if plan.setpriv == nil {
            Terminal.complain("setpriv is not installed: what is started here would outlive a killed `rejoin up`")
        }
        for warning in plan.configuration.warnings { Terminal.complain(warning) }
        if plan.haproxy != nil {
            let node = plan.configuration.node
            if let obstacle = LoopbackPort.obstacle(host: node.host, port: node.port) {
                throw Failure(
                    "port \(node.port) of \(node.host) cannot be used: \(obstacle); --port gives another one")
            }
        }
        rotateLogs()
        try startRedis()
        try startNodes()
        try startProxy()
        try writeClusterFile()
        try startBots()
        sayWhatToTry()
    }

    private func sayWhatToTry() {
        let isDefault = plan.configuration.data == ".rejoin"
        let option = isDefault ? "" : " --data \(plan.configuration.data)"
        let first = nodes.first?.child?.pid ?? 0
        let url = proxyURL ?? nodes.first?.address?.publicURL ?? ""
        // As it was called: it need not be in PATH.
        let program = CommandLine.arguments.first ?? "rejoin"
        let hints = [
            ["  open \(url)", plan.isOwnGame ? "the game" : "the game: log in, walk"],
            ["  \(program) nodes\(option)", "who is alive, with how many sockets"],
            ["  \(program) drain n1\(option)", "node n1 lets its players go, and leaves"],
            ["  kill -9 \(first)", "lose node n1 at once: its players stay logged in, on another node"],
            ["  Ctrl-C", "drain and stop all of it"],
        ]
        let width = hints.map { $0[0].count }.max() ?? 0
        let lines = hints.map { $0[0] + String(repeating: " ", count: width - $0[0].count) + "   " + $0[1] }
        let title = "\nThe cluster is up. Logs: \(plan.data)/log\n"
        Terminal.say(([title] + lines).joined(separator: "\n") + "\n")
    }

    func writeClusterFile() throws {
        let nodes = nodes.compactMap { member -> ClusterFile.Node? in
            guard let child = member.child, child.isAlive, let address = member.address else { return nil }
            return ClusterFile.Node(
                name: member.name, address: address.publicURL, admin: address.adminURL, pid: child.pid)
        }
        try ClusterFile(pid: getpid(), redisURL: redisURL, proxy: proxyURL, nodes: nodes).write(inData: plan.data)
    }

    /// The logs of the run before are kept once, as `NAME.log.1`.
    private func rotateLogs() {
        for member in members { rename(log(of: member), log(of: member) + ".1") }
    }

    func log(of member: Member) -> String { "\(plan.data)/log/\(member.name).log" }

    /// The last lines of a log, for whoever sees a part die.
    func tail(of member: Member, lines: Int = 5) -> String {
        let path = log(of: member)
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return "" }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 4_096)
        let end = lseek(descriptor, 0, SEEK_END)
        let count = pread(descriptor, &bytes, bytes.count, max(0, end - off_t(bytes.count)))
        guard count > 0 else { return "" }
        let text = String(decoding: bytes[..<count], as: UTF8.self)
        return text.split(separator: "\n").suffix(lines).map { "\n    " + Terminal.singleLine(String($0)) }.joined()
    }

    // MARK: Waiting

    /// Lets the cluster live until `isDone` says so or the deadline has passed.
    ///
    /// - Parameter isInterruptible: Whether a request to stop ends it, by ``Interruption/asked``.
    /// - Returns: Whether it was done in time.
    @discardableResult
    func pump(
        until deadline: ContinuousClock.Instant, isInterruptible: Bool = true, _ isDone: () throws -> Bool
    ) throws -> Bool {
        while true {
            if isInterruptible && stopRequests > 0 { throw Interruption.asked }
            if try isDone() { return true }
            let now = ContinuousClock.now
            guard now < deadline else { return false }
            turn(for: min(deadline - now, .milliseconds(50)))
        }
    }

    /// Waits once for news, at most that long, and takes them.
    func turn(for duration: Duration) {
        var descriptors = [pollfd(fd: signals.descriptor, events: Int16(POLLIN), revents: 0)]
        for member in nodes + [bots] {
            if let output = member.child?.output, output >= 0 {
                descriptors.append(pollfd(fd: output, events: Int16(POLLIN), revents: 0))
            }
        }
        let milliseconds = duration / .milliseconds(1)
        poll(&descriptors, nfds_t(descriptors.count), Int32(max(1, milliseconds.rounded(.up))))
        for number in signals.take() where number != SIGCHLD { stopRequests += 1 }
        for node in nodes { readLines(of: node) }
        readLinesOfBots()
    }
}
