public import NIOCore

/// The isolation of one event loop: asynchronous work of its connections runs here, on that event loop's own thread.
///
/// What is confined to the event loop is reached without a hop from a job of its shard.
public actor EngineShard {
    /// A piece of asynchronous work, isolated to the shard that runs it.
    public typealias Job = @Sendable (isolated EngineShard) async -> Void

    public nonisolated let eventLoop: any EventLoop
    private nonisolated let executor: EventLoopExecutor
    /// What the shard's connections share; only to be touched on the event loop.
    package nonisolated let local: NIOLoopBoundBox<EngineLoop?>
    private nonisolated let jobs: NIOLoopBoundBox<JobQueue>

    public nonisolated var unownedExecutor: UnownedSerialExecutor {
        executor.asUnownedSerialExecutor()
    }

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
        self.executor = .of(eventLoop)
        self.local = .makeEmptyBox(valueType: EngineLoop.self, eventLoop: eventLoop)
        self.jobs = .makeBoxSendingValue(JobQueue(), eventLoop: eventLoop)
    }

    /// Makes the loop's part and the application's on the event loop.
    nonisolated func start(
        _ application: any EngineApplication, index: Int, configuration: EngineConfiguration,
        counters: EngineCounters, handshakes: HandshakeBudget
    ) -> EventLoopFuture<Void> {
        let (local, jobs, eventLoop) = (local, jobs, eventLoop)
        return eventLoop.submit {
            let loop = EngineLoop(
                eventLoop: eventLoop, index: index, configuration: configuration, counters: counters,
                handshakes: handshakes, jobs: jobs.value)
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
        await withTaskCancellationHandler {
            let jobs = jobs.value
            await withTaskExecutorPreference(executor) {
                await withDiscardingTaskGroup { group in
                    while let job = await jobs.next() {
                        // Begins here and now: a task that is only added waits for another turn of the loop.
                        group.addImmediateTask { await job(self) }
                    }
                    group.cancelAll()
                }
            }
        } onCancel: {
            stop()
        }
        local.value?.stop()
    }

    nonisolated func stop() {
        let jobs = jobs
        eventLoop.execute { jobs.value.finish() }
    }
}
