import ServiceLifecycle
import Synchronization

/// Runs a session script every two seconds: a node whose Redis refuses them is not ready.
package final class SessionProbe: Service, Sendable {
    private let store: SessionStore
    private let handle = SessionHandle.random()
    private let last = Mutex<ContinuousClock.Instant?>(nil)
    private static let interval = Duration.seconds(2)
    private static let freshFor = Duration.seconds(5)

    package init(store: SessionStore) {
        self.store = store
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                do throws(SessionError) {
                    _ = try await self.store.touch([SessionTouch(self.handle, slides: false)])
                    self.last.withLock { $0 = .now }
                } catch {
                    // What is wrong shows in `failure` once the last success is old.
                }
                do {
                    try await Task.sleep(for: self.last.withLock { $0 } == nil ? .milliseconds(50) : Self.interval)
                } catch {
                    return
                }
            }
        }
    }

    /// Why the node is not ready; `nil` while a session script ran within the last 5 s.
    package var failure: String? {
        guard let last = last.withLock({ $0 }) else { return "no session script has run in Redis yet" }
        return last.duration(to: .now) <= Self.freshFor ? nil : "no session script ran in Redis within 5 s"
    }
}
