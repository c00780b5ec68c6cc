import Glibc
import Synchronization

/// Redis's clock as this node last heard it: what dates and ends sessions, whatever this machine's own clock says.
///
/// Until the first answer it goes by this machine's clock. Any thread may call.
public final class RedisClock: Sendable {
    private let start = ContinuousClock.now
    /// Redis's time in ms at `start`.
    private let offset: Atomic<Int>

    /// A clock that no Redis has set yet.
    public init() {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        self.offset = Atomic(time.tv_sec * 1000 + time.tv_nsec / 1_000_000)
    }

    /// The time in milliseconds since 1970.
    public var now: Int {
        self.offset.load(ordering: .relaxed) + self.elapsed
    }

    /// Notes what Redis's clock said in an answer that just arrived.
    package func heard(_ milliseconds: Int) {
        self.offset.store(milliseconds - self.elapsed, ordering: .relaxed)
    }

    private var elapsed: Int {
        let (seconds, attoseconds) = (ContinuousClock.now - self.start).components
        return Int(seconds) * 1000 + Int(attoseconds / 1_000_000_000_000_000)
    }
}
