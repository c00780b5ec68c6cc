import CoreMetrics
import EngineIO
import NIOCore
import Synchronization

/// Connection state recovery of one namespace on this node: what it writes, in order, and what it hears.
final class NamespaceRecovery: Sendable {
    private struct Item: Sendable {
        let write: RecoveryWrite
        let done: @Sendable (AdapterError?) -> Void
    }

    private struct Queue {
        var items: [Item] = []
        var isStopped = false
    }

    let namespace: String
    let options: RecoveryOptions
    /// Whose sockets hear; nil once ``run()`` is over, when the server may go before what it listened to.
    private let core: Mutex<ServerCore?>
    let counters: SocketIOCounters
    private let queue = Mutex(Queue())
    private let wake: (stream: AsyncStream<Void>, continuation: AsyncStream<Void>.Continuation)
    private let listening = Atomic<Bool>(false)
    /// The last message that was heard.
    private let last = Mutex<RecoveryOffset?>(nil)

    init(namespace: String, options: RecoveryOptions, core: ServerCore) {
        self.namespace = namespace
        self.options = options
        self.core = Mutex(core)
        self.counters = core.counters
        self.wake = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    // MARK: Writing

    /// Has a message logged, and delivered by every node that hears of it.
    func append(
        _ array: JSONBytes, _ attachments: [ByteBuffer], to targets: BroadcastTargets
    ) async throws(AdapterError) {
        let message = RecoverableMessage(
            rooms: targets.rooms, except: targets.except, array: array, attachments: attachments)
        let failure = await withCheckedContinuation { continuation in
            enqueue(.message(message)) { continuation.resume(returning: $0) }
        }
        if let failure { throw failure }
    }

    /// - Parameter done: called on any thread.
    func enqueue(_ write: RecoveryWrite, done: @escaping @Sendable (AdapterError?) -> Void = { _ in }) {
        let refusal: AdapterError? = queue.withLock { queue in
            if queue.isStopped { return AdapterError(.unavailable, "this node is stopping") }
            if queue.items.count >= options.maximumQueued {
                return AdapterError(.overflow, "\(options.maximumQueued) messages wait to be written")
            }
            queue.items.append(Item(write: write, done: done))
            return nil
        }
        if let refusal {
            counters.recoveryFailures.increment()
            done(refusal)
        } else {
            wake.continuation.yield()
        }
    }

    /// Hears, and writes what is queued, many at a time, until ``stop()``.
    func run() async {
        await withTaskGroup { group in
            group.addTask { await self.listen() }
            for await _ in wake.stream {
                await writeAll()
            }
            await writeAll()
            group.cancelAll()
        }
        let rest = queue.withLock { queue in
            queue.isStopped = true
            defer { queue.items = [] }
            return queue.items
        }
        for item in rest { item.done(AdapterError(.unavailable, "this node is stopping")) }
        core.withLock { $0 = nil }
    }

    private func writeAll() async {
        while true {
            let items = queue.withLock { queue in
                defer { queue.items = [] }
                return queue.items
            }
            if items.isEmpty { return }
            let failures = await options.store.write(items.map(\.write), namespace: namespace, options: options)
            for (item, failure) in zip(items, failures) {
                if failure != nil { counters.recoveryFailures.increment() }
                item.done(failure)
            }
        }
    }

    func stop() {
        wake.continuation.finish()
    }

    // MARK: Hearing

    /// Whether this node hears what is logged. Until it does nobody connects to the namespace here.
    var isListening: Bool { listening.load(ordering: .acquiring) }

    /// Tries until it hears, or is cancelled.
    private func listen() async {
        while true {
            do {
                try await options.store.listen(namespace: namespace) { [weak self] event in self?.heard(event) }
                return listening.store(true, ordering: .releasing)
            } catch {
                counters.recoveryFailures.increment()
                do {
                    try await Task.sleep(for: .milliseconds(200))
                } catch {
                    return
                }
            }
        }
    }

    private func heard(_ event: RecoveryEvent) {
        switch event {
        case .message(let offset, let message):
            let isNext: Bool? = last.withLock { last in
                guard let before = last else {
                    last = offset
                    return true
                }
                guard offset > before else { return nil }
                last = offset
                return offset.epoch == before.epoch && offset.number == before.number + 1
            }
            guard let isNext else { return }
            if !isNext { tell(.missed) }
            tell(.message(offset, message))
        case .missed:
            last.withLock { $0 = nil }
            tell(.missed)
        case .taken:
            tell(event)
        }
    }

    private func tell(_ event: RecoveryEvent) {
        guard let core = core.withLock({ $0 }) else { return }
        switch event {
        case .message(let offset, let message):
            let encoded = EncodedMessage(
                namespace: namespace, array: message.array, attachments: message.attachments,
                offset: offset.description)
            core.hubs.forEach { [namespace] in $0[namespace]?.heard(offset, message, encoded) }
        case .taken(let id, let owner):
            core.hubs.forEach { [namespace] in $0[namespace]?.taken(id: id, owner: owner) }
        case .missed:
            counters.recoveryGaps.increment()
            core.hubs.forEach { [namespace] in $0[namespace]?.missed() }
        }
    }
}
