import NIOCore

/// Sends the acts, over the acting sockets in turn. Confined to its event loop.
final class FanOutSender {
    /// What came of the acts of one run.
    struct Outcome: Sendable {
        var applied = 0
        var failures = Failures()
        /// Sent more than 10 ms after they should have been.
        var late = 0
        var lastVersion = 0
        /// From when an act should have been sent to its acknowledgement.
        var latency = Latencies()
    }

    private let crowd: Crowd
    private let actors: [Crowd.Member]
    private let room: String
    private let padding: String
    private var number = 0
    private var outcome = Outcome()
    private var unanswered = 0
    private var timeout = TimeAmount.seconds(5)
    private var begin = NIODeadline.now()
    private var end = NIODeadline.now()
    private var done: EventLoopPromise<Outcome>?
    /// Acts at a rate that are not sent yet, although their time may be over.
    private var isSending = false
    /// Acts sent that are not yet delivered to everybody; counted in the closed loop only.
    private var isClosedLoop = false

    init(_ crowd: Crowd, actors: Int, room: String, padding: Int) {
        self.crowd = crowd
        self.actors = Array(crowd.members.prefix(actors))
        self.room = room
        self.padding = String(repeating: "x", count: padding)
    }

    /// Sends for a while; the future is fulfilled when every act has its answer.
    func run(_ load: FanOutBench.Load, duration: TimeAmount, timeout: TimeAmount) -> EventLoopFuture<Outcome> {
        let done = self.crowd.eventLoop.makePromise(of: Outcome.self)
        self.done = done
        self.outcome = Outcome()
        self.timeout = timeout
        self.begin = .now()
        self.end = self.begin + duration
        switch load {
        case .rate(let rate):
            self.isClosedLoop = false
            self.isSending = true
            self.sendDue(first: self.number, interval: 1_000_000_000 / rate)
        case .inFlight(let count):
            self.isClosedLoop = true
            for _ in 0..<count { self.send(intended: .now()) }
        }
        self.crowd.eventLoop.assumeIsolated().scheduleTask(deadline: self.end) { self.finishIfDone() }
        return done.futureResult
    }

    /// An act has been delivered to every member.
    func delivered(_ number: Int) {
        guard self.isClosedLoop, NIODeadline.now() < self.end else { return }
        self.send(intended: .now())
    }

    private func sendDue(first: Int, interval: Double) {
        let now = NIODeadline.now()
        while true {
            let intended = self.begin + .nanoseconds(Int64(Double(self.number - first) * interval))
            guard intended < self.end else {
                self.isSending = false
                return self.finishIfDone()
            }
            guard intended <= now else {
                self.crowd.eventLoop.assumeIsolated().scheduleTask(deadline: intended) {
                    self.sendDue(first: first, interval: interval)
                }
                return
            }
            if now - intended > .milliseconds(10) { self.outcome.late += 1 }
            self.send(intended: intended)
        }
    }

    private func send(intended: NIODeadline) {
        let act = BenchAct(number: self.number, intended: Int(intended.uptimeNanoseconds))
        let actor = self.actors[self.number % self.actors.count]
        self.number += 1
        self.unanswered += 1
        let body = act.body(room: self.room, padding: self.padding)
        self.crowd.request(actor, "act", body, timeout: self.timeout).assumeIsolated().whenComplete { result in
            self.unanswered -= 1
            switch result {
            case .success(let answer):
                self.outcome.applied += 1
                self.outcome.latency.record(from: intended, to: .now())
                let version = MessageText.integer("version", in: answer) ?? 0
                self.outcome.lastVersion = max(self.outcome.lastVersion, version)
            case .failure(let error):
                self.outcome.failures = self.outcome.failures + Failures(count: 1, first: "\(error)")
            }
            self.finishIfDone()
        }
    }

    private func finishIfDone() {
        guard self.unanswered == 0, !self.isSending, NIODeadline.now() >= self.end else { return }
        let done = self.done.take()
        done?.succeed(self.outcome)
    }
}

/// The sender, for other threads.
struct BoundSender: Sendable {
    fileprivate let bound: NIOLoopBound<FanOutSender>

    func run(
        _ crowds: Crowds, load: FanOutBench.Load, duration: Duration, timeout: TimeAmount
    ) async throws -> FanOutSender.Outcome {
        let bound = self.bound
        return try await crowds.on(0) { _ in bound.value.run(load, duration: TimeAmount(duration), timeout: timeout) }
    }
}

extension Crowds {
    /// The sender on the first crowd's event loop, where the acting sockets are.
    func makeSender(_ bench: FanOutBench, _ room: String, _ listeners: FanOutListeners) async throws -> BoundSender {
        let sender = try await self.on(0) { crowd in
            let sender = FanOutSender(crowd, actors: bench.actors, room: room, padding: bench.padding)
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
