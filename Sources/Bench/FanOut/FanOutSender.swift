import NIOCore

/// Sends the acts, over the acting sockets in turn. Confined to its event loop.
final class FanOutSender {
    /// What came of the acts of one run.
    struct Outcome: Sendable {
        var applied = 0
        var failures = Failures()
        /// Sent more than 10 ms after they should have been.
        var late = 0
        /// Acts of a closed loop that had not come to every socket after `patience`.
        var givenUp = 0
        /// The last number of each sequence, by room.
        var target: [[Int]]
        /// From when an act should have been sent to its acknowledgement.
        var latency = Latencies()
    }

    /// How long an act keeps its place in a closed loop at most: a lost delivery must not shrink the load for good.
    static let patience = TimeAmount.seconds(5)

    private let crowd: Crowd
    private let plan: FanOutPlan
    private let run: String
    private let padding: String
    private let fields: Int
    private let stamps: StampFormat
    private var number = 0
    private var outcome: Outcome
    private var unanswered = 0
    private var timeout = TimeAmount.seconds(5)
    private var end = NIODeadline.now()
    private var done: EventLoopPromise<Outcome>?
    /// What acts are sent at; nil in a closed loop.
    private var pace: Pace?
    private var isPaced = false
    /// Of a closed loop.
    private var window: ActWindow?
    private var refill: Scheduled<Void>?

    /// - Parameter crowd: its first members are those that act.
    init(_ crowd: Crowd, _ plan: FanOutPlan, run: String, stamps: StampFormat, padding: Int) {
        self.crowd = crowd
        self.plan = plan
        self.run = run
        self.stamps = stamps
        self.padding = String(repeating: "x", count: padding)
        self.fields = BenchAct.fields(padding: padding)
        self.outcome = Outcome(target: Array(repeating: Array(repeating: 0, count: plan.sequences), count: plan.rooms))
    }

    static func room(_ run: String, _ number: Int) -> String { "bench-\(run)-\(number)" }

    /// Sends for a while; the future is fulfilled when every act has its answer.
    func run(_ load: BenchLoad, duration: TimeAmount, timeout: TimeAmount) -> EventLoopFuture<Outcome> {
        let done = self.crowd.eventLoop.makePromise(of: Outcome.self)
        self.done = done
        self.outcome = Outcome(target: self.outcome.target)
        self.timeout = timeout
        self.window = nil
        let begin = NIODeadline.now()
        self.end = begin + duration
        switch load {
        case .rate(let rate):
            let pace = Pace(self.crowd.eventLoop, perSecond: rate, first: begin)
            self.pace = pace
            self.isPaced = true
            pace.begin { intended in
                guard intended < self.end else {
                    self.isPaced = false
                    self.finishIfDone()
                    return false
                }
                self.send(intended: intended)
                return true
            }
        case .inFlight(let count):
            self.pace = nil
            self.window = ActWindow(size: count)
            self.fill()
        }
        self.crowd.eventLoop.assumeIsolated().scheduleTask(deadline: self.end) { self.finishIfDone() }
        return done.futureResult
    }

    /// An act has been delivered to every member of its room.
    func delivered(_ number: Int) {
        guard self.window?.ended(number) == true, NIODeadline.now() < self.end else { return }
        self.send(intended: .now())
    }

    /// Takes the free places of a closed loop: all at first, then those of acts that failed or are given up. Now and
    /// then, so that acts which fail at once are not sent without end.
    private func fill() {
        let now = NIODeadline.now()
        guard now < self.end else { return }
        self.window?.giveUp(sentBefore: now - Self.patience)
        for _ in 0..<(self.window?.free ?? 0) { self.send(intended: .now()) }
        self.refill = self.crowd.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(50)) { self.fill() }
    }

    private func send(intended: NIODeadline) {
        let act = BenchAct(number: self.number, intended: Int(intended.uptimeNanoseconds))
        self.number += 1
        self.unanswered += 1
        self.window?.sent(act.number, at: intended)
        if let dialect = self.crowd.dialect, let request = dialect.act {
            self.speak(act, request, dialect, intended)
        } else {
            self.act(act, intended)
        }
    }

    private func failed(_ act: BenchAct, _ error: any Error) {
        self.outcome.failures.add(error)
        _ = self.window?.ended(act.number)
    }

    private func act(_ act: BenchAct, _ intended: NIODeadline) {
        let room = self.plan.room(act: act.number)
        let body = act.body(
            room: Self.room(self.run, room), field: self.plan.turn(act: act.number) % self.fields, padding: self.padding
        )
        let actor = self.crowd.members[self.plan.actor(act: act.number)]
        self.crowd.request(actor, "act", body, timeout: self.timeout).assumeIsolated().whenComplete { result in
            switch result {
            case .success(let answer):
                self.outcome.applied += 1
                self.outcome.latency.record(from: intended, to: .now())
                let version = MessageText.integer("version", in: answer) ?? 0
                self.outcome.target[room][0] = max(self.outcome.target[room][0], version)
            case .failure(let error):
                self.failed(act, error)
            }
            self.answered()
        }
    }

    private func speak(_ act: BenchAct, _ request: Dialect.Request, _ dialect: Dialect, _ intended: NIODeadline) {
        let room = self.plan.room(act: act.number)
        let actor = self.plan.actor(act: act.number)
        let argument = request.argument.filled(
            room: Self.room(self.run, room), socket: "\(self.run)-\(actor)", number: act.number,
            stamp: self.stamps.text(act))
        // Whatever the server says of it, others are to get it.
        self.outcome.target[room][self.plan.sequence(actor: actor)] = self.plan.step(act: act.number)
        self.crowd.speak(
            self.crowd.members[actor], request.event, argument, acknowledged: dialect.acknowledges,
            timeout: self.timeout
        ).assumeIsolated().whenComplete { result in
            switch result {
            case .success(let isAcknowledged):
                self.outcome.applied += 1
                if isAcknowledged { self.outcome.latency.record(from: intended, to: .now()) }
            case .failure(let error):
                self.failed(act, error)
            }
            self.answered()
        }
    }

    private func answered() {
        self.unanswered -= 1
        self.finishIfDone()
    }

    private func finishIfDone() {
        guard self.unanswered == 0, !self.isPaced, NIODeadline.now() >= self.end else { return }
        self.outcome.late = self.pace?.late ?? 0
        self.outcome.givenUp = self.window?.givenUp ?? 0
        self.refill?.cancel()
        self.refill = nil
        let done = self.done.take()
        done?.succeed(self.outcome)
    }
}

/// The sender, for other threads.
struct BoundSender: Sendable {
    fileprivate let bound: NIOLoopBound<FanOutSender>

    func run(
        _ crowds: Crowds, load: BenchLoad, duration: Duration, timeout: TimeAmount
    ) async throws -> FanOutSender.Outcome {
        let bound = self.bound
        return try await crowds.on(0) { _ in bound.value.run(load, duration: TimeAmount(duration), timeout: timeout) }
    }
}

extension Crowds {
    /// The sender on the first crowd's event loop, where the acting sockets are.
    func makeSender(
        _ bench: FanOutBench, _ plan: FanOutPlan, run: String, stamps: StampFormat, _ listeners: FanOutListeners
    ) async throws -> BoundSender {
        let sender = try await self.on(0) { crowd in
            let sender = FanOutSender(crowd, plan, run: run, stamps: stamps, padding: bench.padding)
            let bound = NIOLoopBound(sender, eventLoop: crowd.eventLoop)
            return crowd.eventLoop.makeSucceededFuture(BoundSender(bound: bound))
        }
        if case .inFlight = bench.load {
            let bound = sender.bound
            try await listeners.onDelivered(self) { number in
                bound.eventLoop.execute { bound.value.delivered(number) }
            }
        }
        return sender
    }
}
