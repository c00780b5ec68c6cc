public import NIOCore

/// The isolation of one event loop: asynchronous work of its connections runs here, on that event loop's own thread.
///
/// What is confined to the event loop is reached without a hop from a job of its shard.
public actor EngineShard {
    /// A piece of asynchronous work, isolated to the shard that runs it.
    public typealias Job = @Sendable (isolated EngineShard) async -> Void

    public nonisolated let eventLoop: any EventLoop
    /// What the shard's connections share; only to be touched on the event loop.
    package nonisolated let local: NIOLoopBoundBox<EngineLoop?>
    private nonisolated let jobs: AsyncStream<Job>
    private nonisolated let continuation: AsyncStream<Job>.Continuation

    public nonisolated var unownedExecutor: UnownedSerialExecutor {
        eventLoop.executor.asUnownedSerialExecutor()
    }

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        self.local = .makeEmptyBox(valueType: EngineLoop.self, eventLoop: eventLoop)
        (jobs, continuation) = AsyncStream.makeStream(of: Job.self, bufferingPolicy: .bufferingOldest(65_536))
    }

    /// Makes the loop's part and the application's on the event loop.
    nonisolated func start(
        _ application: any EngineApplication, index: Int, configuration: EngineConfiguration,
        counters: EngineCounters, loops: Int
    ) -> EventLoopFuture<Void> {
        let (local, continuation, eventLoop) = (local, continuation, eventLoop)
        return eventLoop.submit {
            let loop = EngineLoop(
                eventLoop: eventLoop, index: index, configuration: configuration, counters: counters, loops: loops,
                jobs: continuation)
            local.value = loop
            loop.start(application)
        }
    }

    /// Does something with what the shard's connections share: at once on the shard's event loop, else as soon as it can.
    nonisolated func perform(_ body: @escaping @Sendable (EngineLoop) -> Void) {
        if eventLoop.inEventLoop {
            if let loop = local.value { body(loop) }
        } else {
            eventLoop.execute { [local] in
                if let loop = local.value { body(loop) }
            }
        }
    }

    /// Runs the shard's jobs until ``stop()``; what has begun is waited for.
    func run() async {
        await withDiscardingTaskGroup { group in
            for await job in jobs {
                group.addTask { await job(self) }
            }
            group.cancelAll()
        }
        local.value?.stop()
    }

    nonisolated func stop() {
        continuation.finish()
    }
}
