#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// What a login's hash costs by itself.
package enum HashCost {
    /// The mean of twenty on this thread, in seconds of its CPU.
    package static func secondsOfCPU() throws -> Double {
        _ = try PasswordHash.make(Array("the first one warms up".utf8))
        let begin = cpuSeconds()
        for _ in 0..<20 { _ = try PasswordHash.make(Array("rejoin bench, not a secret".utf8)) }
        return (cpuSeconds() - begin) / 20
    }

    private static func cpuSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1_000_000_000
    }
}
