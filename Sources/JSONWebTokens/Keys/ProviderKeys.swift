import FoundationEssentials
import Logging
public import ServiceLifecycle
import Synchronization

/// The keys of an identity provider, which changes them when it likes: read at the start, again and again, and when a
/// token comes whose key is not among them.
///
/// Keys that were read stay until others are: a provider that is away keeps nobody out whose key is known. Any thread
/// may call.
public final class ProviderKeys: Service {
    /// How many tokens may wait for a reading; more are told that keys are unavailable.
    private static let maximumWaiting = 256

    private struct State {
        var machine: KeyRefreshStateMachine
        var isRunning = false
        /// What was read last, so that the same is not judged twice.
        var bytes: Data?
        /// One for each token that waits for a reading to end.
        var waiting: [AsyncStream<Void>.Continuation] = []
    }

    private let source: any KeySource
    private let logger: Logger
    private let state: Mutex<State>
    private let wishes: AsyncStream<Void>
    private let wish: AsyncStream<Void>.Continuation

    init(source: any KeySource, logger: Logger) {
        self.source = source
        self.logger = logger
        state = Mutex(State(machine: KeyRefreshStateMachine(times: source.times, now: .now)))
        (wishes, wish) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Reads the keys for as long as it runs.
    public func run() async throws {
        state.withLock { $0.isRunning = true }
        defer { stop() }
        do {
            try await cancelWhenGracefulShutdown {
                try await self.source.withReader { reader in try await self.follow(reader) }
            }
        } catch is CancellationError {
            // The shutdown ends it.
        }
    }

    /// Reads the keys now: the operator says that they have changed.
    public func reload() {
        state.withLock { $0.machine.reloadAsked(now: .now) }
        wish.yield()
    }

    /// Whether tokens may wait for keys.
    var isRunning: Bool { state.withLock { $0.isRunning } }

    private func follow(_ reader: any KeyReader) async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for await _ in self.wishes {
                    _ = await self.readWhenDue(reader)
                }
            }
            group.addTask {
                while true {
                    let next = await self.readWhenDue(reader)
                    // In short steps: what is wished for meanwhile changes when the next is due.
                    try await Task.sleep(
                        for: min(max(ContinuousClock.now.duration(to: next), .milliseconds(10)), .seconds(1)))
                }
            }
            defer { group.cancelAll() }
            try await group.next()
        }
    }

    /// - Returns: When the next reading is due.
    private func readWhenDue(_ reader: any KeyReader) async -> ContinuousClock.Instant {
        while true {
            switch state.withLock({ $0.machine.timePassed(now: .now) }) {
            case .wait(let until): return until
            case .read: await read(reader)
            }
        }
    }

    private func read(_ reader: any KeyReader) async {
        do throws(JSONWebTokenError) {
            let published = try await reader.read()
            let keys = try await judge(published.bytes)
            let action = state.withLock {
                $0.bytes = published.bytes
                return $0.machine.readingSucceeded(keys, freshFor: published.freshFor, now: .now)
            }
            if action == .tellRecovery {
                logger.info("keys for tokens are read again", metadata: ["source": "\(source.description)"])
            }
        } catch {
            // What a shutdown interrupts is no failure of the provider's.
            if state.withLock({ $0.machine.readingFailed(now: .now) }) == .warn, !Task.isCancelled {
                logger.warning(
                    "keys for tokens cannot be read",
                    metadata: ["source": "\(source.description)", "error": "\(error.message)"])
            }
        }
        release()
    }

    private func judge(_ bytes: Data) async throws(JSONWebTokenError) -> KeySet {
        let (before, keys) = state.withLock { ($0.bytes, $0.machine.keys) }
        if before == bytes, let keys { return keys }
        let (set, skipped) = await (try KeySetDocument(bytes)).read()
        for reason in skipped {
            logger.info("key for tokens skipped", metadata: ["source": "\(source.description)", "reason": "\(reason)"])
        }
        let level: Logger.Level = set.keys.isEmpty ? .warning : .info
        logger.log(
            level: level, "keys for tokens read",
            metadata: ["source": "\(source.description)", "count": "\(set.keys.count)"])
        return set
    }

    private func stop() {
        state.withLock { $0.isRunning = false }
        release()
    }

    /// Tells those who wait that something was read, or will not be.
    private func release() {
        let waiting = state.withLock { state in
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.finish() }
    }
}

extension ProviderKeys: VerificationKeys {
    func key(for header: TokenHeader) async throws(JSONWebTokenError) -> VerificationKey {
        if let key = try find(header) { return key }
        // One step with the machine's answer: what is being read now must not be done before this one waits for it.
        let (missed, reading) = state.withLock { state -> (KeyRefreshStateMachine.MissAction, AsyncStream<Void>?) in
            guard state.isRunning else { return (.unavailable, nil) }
            let missed = state.machine.keyMissed(now: .now)
            guard missed == .wait, state.waiting.count < Self.maximumWaiting else { return (missed, nil) }
            let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
            state.waiting.append(continuation)
            return (missed, stream)
        }
        guard missed != .refuse else { throw Self.unknown }
        guard let reading else { throw Self.unavailable }
        wish.yield()
        for await _ in reading {}
        if let key = try find(header) { return key }
        throw state.withLock { $0.machine.isLacking } ? Self.unavailable : Self.unknown
    }

    private func find(_ header: TokenHeader) throws(JSONWebTokenError) -> VerificationKey? {
        switch state.withLock({ $0.machine.keys })?.match(header) {
        case .key(let key): return key
        case .unknown, nil: return nil
        case .ambiguous:
            throw JSONWebTokenError(.invalidToken, "it does not name its key (kid), and several could be it")
        case .otherAlgorithm:
            throw JSONWebTokenError(.invalidToken, "its alg is not that of its key")
        }
    }

    private static let unknown = JSONWebTokenError(.invalidToken, "its key is not one of the identity provider's")
    private static let unavailable = JSONWebTokenError(
        .unavailable, "the keys of the identity provider cannot be had at the moment; try again")
}
