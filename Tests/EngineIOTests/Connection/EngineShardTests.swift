import NIOCore
import NIOPosix
import Synchronization
import TestSupport
import Testing

@testable import EngineIO

@Suite("The asynchronous work of one event loop", .timeLimit(.minutes(1)))
struct EngineShardTests {
    /// Gives the shard a job, and returns whether it was taken.
    private typealias Spawn = @Sendable (@escaping EngineShard.Job) async throws -> Bool

    /// Runs a shard whose jobs the body gives it, and waits until the shard has ended by itself.
    private func withShard(_ body: (EngineShard, Spawn) async throws -> Void) async throws {
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let shard = EngineShard(eventLoop: group.next())
        try await shard.start(
            EchoApplication(), index: 0, configuration: EngineConfiguration(), counters: EngineCounters(),
            handshakes: HandshakeBudget(EngineConfiguration())
        ).get()
        try await withThrowingTaskGroup { tasks in
            tasks.addTask { await shard.run() }
            try await body(shard) { job in
                try await shard.eventLoop.submit { shard.local.value?.spawn(job) ?? false }.get()
            }
            try await tasks.waitForAll()
        }
        try await group.shutdownGracefully()
    }

    @Test("work is on its event loop at once, and again after it waited for another thread")
    func eventLoop() async throws {
        let seen = Mutex<[Bool]>([])
        try await self.withShard { shard, spawn in
            let taken = try await spawn { shard in
                seen.withLock { $0.append(shard.eventLoop.inEventLoop) }
                await withUnsafeContinuation { continuation in
                    NIOThreadPool.singleton.submit { _ in continuation.resume() }
                }
                seen.withLock { $0.append(shard.eventLoop.inEventLoop) }
            }
            #expect(taken)
            try await eventually { seen.withLock { $0.count == 2 } }
            shard.stop()
        }
        #expect(seen.withLock { $0 } == [true, true])
    }

    @Test("what was given before the stop is done, and what comes after it is turned away")
    func stopping() async throws {
        let done = Atomic<Int>(0)
        try await self.withShard { shard, spawn in
            for _ in 0..<100 {
                let taken = try await spawn { _ in done.add(1, ordering: .relaxed) }
                #expect(taken)
            }
            shard.stop()
            let taken = try await spawn { _ in done.add(1, ordering: .relaxed) }
            #expect(!taken)
        }
        let total = done.load(ordering: .relaxed)
        #expect(total == 100)
    }

    @Test("work that waits is cancelled when the shard stops")
    func cancelling() async throws {
        let wasCancelled = Atomic<Bool>(false)
        try await self.withShard { shard, spawn in
            _ = try await spawn { _ in
                do {
                    try await Task.sleep(for: .seconds(3_600))
                } catch {
                    wasCancelled.store(true, ordering: .relaxed)
                }
            }
            shard.stop()
        }
        let isCancelled = wasCancelled.load(ordering: .relaxed)
        #expect(isCancelled)
    }
}
