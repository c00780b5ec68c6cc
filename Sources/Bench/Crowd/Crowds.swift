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
        return try await self.each { crowd in
            let share = self.share(of: total, crowd.index)
            let done = crowd.eventLoop.makePromise(of: Outcome.self)
            let rounds = Rounds(
                share,
                step: { number, _ in
                    step(crowd, number).always { _ in context.progress.advance() }
                }, done: done)
            switch load {
            case .inFlight(let count): rounds.begin(inFlight: max(1, count / self.count))
            case .rate(let rate): rounds.begin(self.pace(crowd, rate: rate, from: begin))
            }
            return done.futureResult
        }.reduce(Outcome(), +)
    }

    /// A crowd's part of what all crowds begin at a rate: they take turns.
    func pace(_ crowd: Crowd, rate: Double, from begin: NIODeadline) -> Pace {
        let turn = TimeAmount.nanoseconds(Int64(1_000_000_000 / rate * Double(crowd.index)))
        return Pace(crowd.eventLoop, perSecond: rate / Double(self.count), first: begin + turn)
    }
}
