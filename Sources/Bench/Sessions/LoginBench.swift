import NIOCore

/// How many logins a node does, and what its other sockets feel of them.
public struct LoginBench: Sendable {
    /// Logins altogether, each of a guest's socket of its own. 1 or more.
    public var logins: Int
    /// In a closed loop more are under way than the node has threads for hashing.
    public var load: BenchLoad
    /// Handshakes under way at a time, before.
    public var window: Int
    /// Echoes a second beside them.
    public var echoes: Double
    /// For each request.
    public var timeout: Duration
    /// Measures what one hash costs by itself, in seconds of this process's CPU: before and after, on a machine whose
    /// speed changes.
    public var hashSeconds: @Sendable () async throws -> Double

    public init(
        logins: Int, load: BenchLoad, window: Int, echoes: Double, timeout: Duration,
        hashSeconds: @escaping @Sendable () async throws -> Double
    ) {
        self.logins = logins
        self.load = load
        self.window = window
        self.echoes = echoes
        self.timeout = timeout
        self.hashSeconds = hashSeconds
    }

    /// - Throws: `BenchError` when the sockets cannot be opened; a login that fails is counted.
    public func run(_ context: BenchContext) async throws -> BenchReport {
        try OpenFiles.require(self.logins + 1)
        let target = context.target
        let meter = Meter(target)
        let timeout = TimeAmount(self.timeout)
        return try await Crowds.with(context) { crowds in
            let account = BenchAccount()
            context.progress.begin("opening \(self.logins) sockets", total: self.logins)
            let echo = try await crowds.on(0) { crowd in
                crowd.open(target.node(0), token: nil, timeout: timeout).assumeIsolated()
                    .flatMap { crowd.register($0, account, timeout: timeout) }
                    .map { _ in NIOLoopBound(Echo(crowd, timeout: timeout), eventLoop: crowd.eventLoop) }.nonisolated()
            }
            try await crowds.steps(self.logins, .inFlight(self.window), context) { crowd, _ in
                crowd.open(target.node(0), token: nil, timeout: timeout).map { _ in }
            }.failures.require("opening sockets")
            context.progress.begin("echoes alone, and the hash by itself")
            let alone = try await self.echoes(crowds, echo, for: .seconds(2))

            let hashBefore = try await self.hashSeconds()
            context.progress.begin("\(self.logins) logins", total: self.logins)
            let begin = try meter.read()
            try await crowds.on(0) { crowd in
                echo.value.begin(perSecond: self.echoes)
                return crowd.eventLoop.makeSucceededVoidFuture()
            }
            let outcome = try await crowds.steps(self.logins, self.load, context) { crowd, number in
                let member = crowd.members[
                    number - crowds.share(of: self.logins, crowd.index).lowerBound + (crowd.index == 0 ? 1 : 0)]
                return crowd.logIn(member, account, timeout: timeout).map { _ in }
            }
            let consumption = Consumption(from: begin, to: try meter.read())
            let beside = try await crowds.on(0) { _ in echo.value.end() }
            let hashSeconds = (try await self.hashSeconds() + hashBefore) / 2
            let failures = outcome.failures
            let successes = self.logins - failures.count
            var report = BenchReport("login")
            report.add("logins", "logins", successes)
            report.addFaults("failures", "failures", failures.count)
            report.add("seconds", "seconds", consumption.wallSeconds)
            report.add("logins_per_second", "logins/s", Double(successes) / consumption.wallSeconds)
            report.addPerCPUSecond("logins", "logins", successes, consumption, meter)
            report.add("hashes_per_cpu_second", "hashes per CPU s, by themselves", 1 / hashSeconds)
            if meter.seesServer, consumption.nodesCPUSeconds > 0 {
                let share = Double(successes) * hashSeconds / consumption.nodesCPUSeconds
                report.add("share_of_hash_speed", "share of the hash's own speed", share)
            }
            if case .rate = self.load { report.add("late", "begun over 10 ms late by the generator", outcome.late) }
            report.add("latency", outcome.latency)
            let echoFailures = alone.failures + beside.failures
            report.add("echo_alone", alone.latency)
            report.add("echo_beside", beside.latency)
            report.addFaults("echoes_failed", "echoes that failed", echoFailures.count)
            report.add(consumption, meter)
            if failures.count > 0 {
                report.complain("\(failures.count) logins failed, the first with: \(failures.first)")
            }
            if echoFailures.count > 0 {
                report.complain("\(echoFailures.count) echoes failed, the first with: \(echoFailures.first)")
            }
            return report
        }
    }

    private func echoes(
        _ crowds: Crowds, _ echo: NIOLoopBound<Echo>, for time: TimeAmount
    ) async throws -> Echo.Result {
        try await crowds.on(0) { crowd in
            echo.value.begin(perSecond: self.echoes)
            return crowd.eventLoop.scheduleTask(in: time) {}.futureResult.flatMap { echo.value.end() }
        }
    }
}

/// A socket that asks for little, again and again, at a rate. Confined to its event loop.
private final class Echo {
    struct Result: Sendable {
        var latency = Latencies()
        var failures = Failures()
    }

    private let crowd: Crowd
    private let timeout: TimeAmount
    private var measured = Result()
    private var unanswered = 0
    private var pace: Pace?
    private var done: EventLoopPromise<Result>?

    /// - Parameter crowd: its first member asks.
    init(_ crowd: Crowd, timeout: TimeAmount) {
        self.crowd = crowd
        self.timeout = timeout
    }

    func begin(perSecond: Double) {
        self.measured = Result()
        let pace = Pace(self.crowd.eventLoop, perSecond: perSecond, first: .now())
        self.pace = pace
        pace.begin { intended in
            self.ask(intended)
            return true
        }
    }

    /// Asks no more, and waits for what has no answer yet: each answer is there within the timeout or has failed.
    func end() -> EventLoopFuture<Result> {
        self.pace?.cancel()
        let done = self.crowd.eventLoop.makePromise(of: Result.self)
        self.done = done
        self.finishIfDone()
        return done.futureResult
    }

    private func ask(_ intended: NIODeadline) {
        self.unanswered += 1
        self.crowd.request(self.crowd.members[0], "leave", "{\"room\":\"echo\"}", timeout: self.timeout)
            .assumeIsolated().whenComplete { result in
                self.unanswered -= 1
                switch result {
                case .success: self.measured.latency.record(from: intended, to: .now())
                case .failure(let error): self.measured.failures.add(error)
                }
                self.finishIfDone()
            }
    }

    private func finishIfDone() {
        guard self.unanswered == 0 else { return }
        let done = self.done.take()
        done?.succeed(self.measured)
    }
}
