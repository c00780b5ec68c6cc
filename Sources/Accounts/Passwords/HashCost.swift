import Glibc

/// What a login's hash costs by itself.
package enum HashCost {
    /// The mean cost of a hash on as many threads as hash at once, which share the way to the memory: in seconds of this
    /// process's CPU, in which nothing else may go on meanwhile.
    ///
    /// - Parameter threads: 1 or more.
    package static func secondsOfCPU(threads: Int) async throws -> Double {
        let pool = HashingPool(threads: threads, maximumWaiting: 1_000)
        try await hash(threads, on: pool)
        let begin = cpuSeconds()
        try await hash(40 * threads, on: pool)
        return (cpuSeconds() - begin) / Double(40 * threads)
    }

    private static func hash(_ count: Int, on pool: HashingPool) async throws {
        try await withThrowingDiscardingTaskGroup { group in
            for _ in 0..<count {
                group.addTask {
                    _ = try await pool.run { () throws(AccountsError) in
                        try PasswordHash.make(Array("rejoin bench, not a secret".utf8))
                    }
                }
            }
        }
    }

    private static func cpuSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1_000_000_000
    }
}
