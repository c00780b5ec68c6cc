import NIOCore
import Synchronization

/// Where callers on any thread leave their commands for the event loop, which takes all of them at once.
final class CommandQueue: Sendable {
    /// Whether commands are taken now, and if not, why.
    private enum Admission {
        case open
        case refusing(RedisError)
    }

    private struct State {
        var admission = Admission.refusing(.notConnected)
        /// The commands of `waiters`, encoded, ready to be written.
        var bytes = ByteBuffer()
        var waiters: [ReplyContinuation] = []
        /// How many were taken by the event loop and have no answer.
        var unanswered = 0
        /// Whether the event loop was already told that there is something.
        var isTakerCalled = false
        var server: RedisServerInfo?
        /// Why the last attempt to connect came to nothing; nil while there is a connection.
        var failure: RedisError?
    }

    private let state = Mutex(State())
    private let maximumInFlight: Int

    init(maximumInFlight: Int) {
        self.maximumInFlight = maximumInFlight
    }

    var server: RedisServerInfo? {
        self.state.withLock { $0.server }
    }

    var failure: RedisError? {
        self.state.withLock { $0.failure }
    }

    /// Adds one command, or refuses it and resumes the continuation at once.
    ///
    /// - Returns: whether the event loop must be told to `take()`.
    func add(_ continuation: ReplyContinuation, encode: (inout ByteBuffer) -> Void) -> Bool {
        enum Outcome {
            case added(callTaker: Bool)
            case refused(RedisError)
        }
        let outcome: Outcome = self.state.withLock { state in
            if case .refusing(let error) = state.admission { return .refused(error) }
            guard state.waiters.count + state.unanswered < self.maximumInFlight else {
                return .refused(
                    RedisError(
                        code: .overloaded, message: "\(self.maximumInFlight) redis commands are queued or unanswered"))
            }
            encode(&state.bytes)
            state.waiters.append(continuation)
            defer { state.isTakerCalled = true }
            return .added(callTaker: !state.isTakerCalled)
        }
        switch outcome {
        case .added(let callTaker):
            return callTaker
        case .refused(let error):
            continuation.resume(returning: .failure(error))
            return false
        }
    }

    /// Takes everything that was added.
    func take() -> (ByteBuffer, [ReplyContinuation]) {
        self.state.withLock { state in
            state.isTakerCalled = false
            state.unanswered += state.waiters.count
            // Room for another batch like this one: growing by doubling would copy each of its bytes again.
            var bytes = ByteBuffer()
            bytes.reserveCapacity(min(state.bytes.readableBytes, 64 << 10))
            swap(&state.bytes, &bytes)
            var waiters: [ReplyContinuation] = []
            waiters.reserveCapacity(min(state.waiters.count, 1024))
            swap(&state.waiters, &waiters)
            return (bytes, waiters)
        }
    }

    /// A new connection can be used.
    func opened(_ server: RedisServerInfo) {
        self.state.withLock { state in
            state.admission = .open
            state.unanswered = 0
            state.server = server
            state.failure = nil
        }
    }

    /// There is no connection, and why.
    func failed(_ error: RedisError) {
        self.state.withLock { $0.failure = error }
    }

    func updated(unanswered: Int, isSuspect: Bool) {
        self.state.withLock { state in
            state.unanswered = unanswered
            state.admission = isSuspect ? .refusing(.failingFast) : .open
        }
    }

    /// The connected server says something else of itself now.
    func serverChanged(_ server: RedisServerInfo) {
        self.state.withLock { state in
            if state.server != nil { state.server = server }
        }
    }

    func closed() {
        self.state.withLock { state in
            state.admission = .refusing(.notConnected)
            state.unanswered = 0
            state.server = nil
        }
    }
}
