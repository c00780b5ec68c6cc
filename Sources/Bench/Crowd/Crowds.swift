import NIOCore
import NIOPosix

/// All sockets of the generator: a crowd an event loop.
struct Crowds: Sendable {
    private let group: MultiThreadedEventLoopGroup
    private let bound: [NIOLoopBound<Crowd>]

    /// Runs a benchmark's body, and closes every socket after it.
    static func with<R>(_ context: BenchContext, _ body: (Crowds) async throws -> R) async throws -> R {
        let crowds = try await Crowds(context.clientThreads, context.dialect)
        do {
            let result = try await body(crowds)
            try await crowds.stop()
            return result
        } catch {
            try await crowds.stop()
            throw error
        }
    }

    private init(_ loops: Int, _ dialect: Dialect?) async throws {
        self.group = MultiThreadedEventLoopGroup(numberOfThreads: loops)
        var bound: [NIOLoopBound<Crowd>] = []
        for (index, eventLoop) in self.group.makeIterator().enumerated() {
            bound.append(
                try await eventLoop.submit {
                    NIOLoopBound(
                        Crowd(eventLoop: eventLoop, index: index, dialect: dialect), eventLoop: eventLoop)
                }.get())
        }
        self.bound = bound
    }

    private func stop() async throws {
        try await self.all { $0.abort() }
        try await self.group.shutdownGracefully()
    }

    var count: Int { self.bound.count }

    /// Of `total` things, the range that belongs to a crowd.
    func share(of total: Int, _ index: Int) -> Range<Int> {
        (total * index / self.count)..<(total * (index + 1) / self.count)
    }

    /// Does something on every crowd's event loop at the same time.
    @discardableResult
    func all<T: Sendable>(_ body: @escaping @Sendable (Crowd) throws -> T) async throws -> [T] {
        let futures = self.bound.map { crowd in crowd.eventLoop.submit { try body(crowd.value) } }
        return try await EventLoopFuture.whenAllSucceed(futures, on: self.group.any()).get()
    }

    /// As `all`, and waits for what it began.
    @discardableResult
    func each<T: Sendable>(_ body: @escaping @Sendable (Crowd) -> EventLoopFuture<T>) async throws -> [T] {
        try await self.begin(body).get()
    }

    /// As `each`, and does not wait.
    func begin<T: Sendable>(_ body: @escaping @Sendable (Crowd) -> EventLoopFuture<T>) -> EventLoopFuture<[T]> {
        let futures = self.bound.map { crowd in crowd.eventLoop.flatSubmit { body(crowd.value) } }
        return EventLoopFuture.whenAllSucceed(futures, on: self.group.any())
    }

    func eventLoop(_ index: Int) -> any EventLoop { self.bound[index].eventLoop }

    /// Does something on one crowd's event loop.
    func on<T: Sendable>(_ index: Int, _ body: @escaping @Sendable (Crowd) -> EventLoopFuture<T>) async throws -> T {
        let crowd = self.bound[index]
        return try await crowd.eventLoop.flatSubmit { body(crowd.value) }.get()
    }

    /// Runs the steps of all crowds: crowd by crowd its share of `total`. Rate and number in flight are those of all
    /// crowds together.
    func steps(
        _ total: Int, _ load: BenchLoad, _ context: BenchContext,
        _ step: @escaping @Sendable (Crowd, Int) -> EventLoopFuture<Void>
    ) async throws -> Outcome {
        let begin = NIODeadline.now()
        let run: @Sendable (Crowd, _ inFlight: Int?) -> EventLoopFuture<Outcome> = { crowd, inFlight in
            let done = crowd.eventLoop.makePromise(of: Outcome.self)
            let rounds = Rounds(
                self.share(of: total, crowd.index),
                step: { number, _ in
                    step(crowd, number).always { _ in context.progress.advance() }
                }, done: done)
            if case .rate(let rate) = load, let pace = self.pace(crowd, rate: rate, of: total, from: begin) {
                rounds.begin(pace)
            } else {
                rounds.begin(inFlight: inFlight ?? 0)
            }
            return done.futureResult
        }
        let outcomes =
            switch load {
            case .inFlight(let window): try await self.within(window, of: total) { run($0, $1) }
            case .rate: try await self.each { run($0, nil) }
            }
        return outcomes.reduce(Outcome(), +)
    }

    /// Does something on each crowd that has a share of `total`, with its part of a window: all together have so
    /// much under way. Where the window is too small for all at a time, crowds follow each other.
    ///
    /// - Returns: what came of it in each crowd that has a share.
    @discardableResult
    func within<T: Sendable>(
        _ window: Int, of total: Int, _ body: @escaping @Sendable (Crowd, _ window: Int) -> EventLoopFuture<T>
    ) async throws -> [T] {
        let lanes = Lanes(window: window, crowds: self.busy(of: total))
        return try await withThrowingTaskGroup(of: [T].self) { group in
            for lane in lanes.lanes {
                group.addTask {
                    var results: [T] = []
                    for index in lane.crowds {
                        results.append(try await self.on(index) { body($0, lane.window) })
                    }
                    return results
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
    }

    /// The crowds that have a share of `total`.
    private func busy(of total: Int) -> [Int] {
        (0..<self.count).filter { !self.share(of: total, $0).isEmpty }
    }

    /// A crowd's part of `total` things that all crowds begin at a rate: they take turns, each as often as its share is
    /// large.
    ///
    /// - Returns: nil when it has none.
    func pace(_ crowd: Crowd, rate: Double, of total: Int, from begin: NIODeadline) -> Pace? {
        let share = self.share(of: total, crowd.index).count
        guard share > 0 else { return nil }
        let before = self.busy(of: total).count { $0 < crowd.index }
        let turn = TimeAmount.nanoseconds(Int64(1_000_000_000 / rate * Double(before)))
        return Pace(crowd.eventLoop, perSecond: rate * Double(share) / Double(total), first: begin + turn)
    }
}
