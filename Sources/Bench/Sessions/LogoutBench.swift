import NIOCore

/// How long it takes until the last socket of a user, on whatever node, is a watcher after a logout everywhere.
public struct LogoutBench: Sendable {
    /// Sessions of the user, each with one socket, over all nodes in turn. 1 or more.
    public var sessions: Int
    /// Logins under way at a time; each costs the server an Argon2 hash.
    public var window: Int
    /// For each request, and for all sockets to be told.
    public var timeout: Duration

    public init(sessions: Int, window: Int, timeout: Duration) {
        self.sessions = sessions
        self.window = window
        self.timeout = timeout
    }

    /// - Throws: `BenchError` when the sessions cannot be logged in, or the logout is refused.
    public func run(_ context: BenchContext) async throws -> BenchReport {
        try OpenFiles.require(self.sessions)
        let target = context.target
        let meter = Meter(target)
        let timeout = TimeAmount(self.timeout)
        return try await Crowds.with(context) { crowds in
            let account = BenchAccount()
            context.progress.begin("logging in \(self.sessions) sessions of one user", total: self.sessions - 1)
            // The first of the first crowd, and on the last node.
            try await crowds.on(0) { crowd in
                crowd.open(target.node(target.nodes.count - 1), token: nil, timeout: timeout).assumeIsolated()
                    .flatMap { crowd.register($0, account, timeout: timeout) }.map { _ in }.nonisolated()
            }
            try await crowds.steps(self.sessions - 1, .inFlight(self.window), context) { crowd, number in
                crowd.open(target.node(number), token: nil, timeout: timeout).assumeIsolated()
                    .flatMap { crowd.logIn($0, account, timeout: timeout) }.map { _ in }.nonisolated()
            }.failures.require("logging in")

            context.progress.begin("logging out everywhere")
            let watches = try await crowds.all { crowd in
                NIOLoopBound(LogoutWatch(crowd, timeout: timeout), eventLoop: crowd.eventLoop)
            }
            let before = try meter.read()
            let begin = NIODeadline.now()
            let turned = crowds.begin { watches[$0.index].value.turned(since: begin) }
            let acknowledged = NIOLoopBoundBox.makeEmptyBox(valueType: NIODeadline.self, eventLoop: crowds.eventLoop(0))
            let answer = try await crowds.on(0) { crowd in
                crowd.request(crowd.members[0], "logout", "{\"everywhere\":true}", timeout: timeout).assumeIsolated()
                    .map { answer in
                        acknowledged.value = .now()
                        return answer
                    }.nonisolated()
            }
            let acknowledgement = try await crowds.on(0) { crowd in
                crowd.eventLoop.makeSucceededFuture(acknowledged.value ?? .now())
            }
            let latency = try await turned.get().reduce(into: Latencies()) { $0.add($1) }
            let consumption = Consumption(from: before, to: try meter.read())
            var report = BenchReport("logout")
            report.add("sessions", "sessions of the user", self.sessions)
            report.add("turned", "sockets that became watchers", latency.count)
            report.add("confirmed", "of them confirmed", MessageText.integer("sockets", in: answer) ?? 0)
            report.add("confirming_nodes", "nodes that confirmed", MessageText.integer("nodes", in: answer) ?? 0)
            report.add("watcher", latency)
            report.add("acknowledged_ms", "acknowledged, ms", (acknowledgement - begin).seconds * 1_000)
            report.add(consumption, meter)
            let missing = self.sessions - latency.count
            if missing > 0 { report.complain("\(missing) sockets were not told") }
            return report
        }
    }
}

/// Waits until every member of a crowd is a watcher. Confined to its event loop.
private final class LogoutWatch: CrowdListener {
    private let crowd: Crowd
    private let timeout: TimeAmount
    private var begin = NIODeadline.now()
    private var latency = Latencies()
    private var waiting: Set<Int>
    private var done: EventLoopPromise<Latencies>?

    init(_ crowd: Crowd, timeout: TimeAmount) {
        self.crowd = crowd
        self.timeout = timeout
        self.waiting = Set(crowd.members.filter(\.isLoggedIn).map(\.number))
        crowd.listener = self
    }

    /// How long it took for each, when all are watchers or at the end of the time.
    func turned(since begin: NIODeadline) -> EventLoopFuture<Latencies> {
        let done = self.crowd.eventLoop.makePromise(of: Latencies.self)
        self.begin = begin
        self.done = done
        self.crowd.eventLoop.assumeIsolated().scheduleTask(in: self.timeout) { self.finish() }
        if self.waiting.isEmpty { self.finish() }
        return done.futureResult
    }

    func session(_ member: Crowd.Member) {
        guard !member.isLoggedIn, self.waiting.remove(member.number) != nil else { return }
        self.latency.record(from: self.begin, to: .now())
        if self.waiting.isEmpty { self.finish() }
    }

    private func finish() {
        let done = self.done.take()
        done?.succeed(self.latency)
    }
}
