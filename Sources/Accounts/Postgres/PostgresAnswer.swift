import Synchronization

/// An answer that is given once, by whoever comes first: a thread, or the deadline.
final class PostgresAnswer<Value: Sendable>: Sendable {
    typealias Given = Result<Value, PostgresFailure>

    private enum State {
        case open
        case awaited(CheckedContinuation<Given, Never>)
        case given(Given)
    }

    private let state = Mutex(State.open)

    var isGiven: Bool {
        self.state.withLock { if case .given = $0 { true } else { false } }
    }

    func give(_ answer: Given) {
        let waiting = self.state.withLock { state -> CheckedContinuation<Given, Never>? in
            switch state {
            case .open:
                state = .given(answer)
                return nil
            case .awaited(let continuation):
                state = .given(answer)
                return continuation
            case .given:
                return nil
            }
        }
        waiting?.resume(returning: answer)
    }

    func value() async -> Given {
        await withCheckedContinuation { continuation in
            let given = self.state.withLock { state -> Given? in
                if case .given(let answer) = state { return answer }
                state = .awaited(continuation)
                return nil
            }
            if let given { continuation.resume(returning: given) }
        }
    }
}
