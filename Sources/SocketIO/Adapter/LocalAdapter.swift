import Synchronization

/// The adapter of a node that is alone.
public final class LocalAdapter: Adapter {
    private let perform = Mutex<(@Sendable (JSONBytes) async -> JSONBytes)?>(nil)

    public init() {}

    public func receive(_ perform: @escaping @Sendable (JSONBytes) async -> JSONBytes) {
        self.perform.withLock { $0 = perform }
    }

    public func tell(_ message: JSONBytes) async throws(AdapterError) {
        _ = await perform.withLock { $0 }?(message)
    }

    public func ask(_ question: JSONBytes, timeout: Duration) async throws(AdapterError) -> AdapterAnswers {
        guard let perform = perform.withLock({ $0 }) else { return AdapterAnswers(answers: []) }
        return AdapterAnswers(answers: [await perform(question)])
    }
}
