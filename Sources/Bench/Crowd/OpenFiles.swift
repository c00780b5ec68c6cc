import Glibc

/// The limit of open files: a socket is one.
public enum OpenFiles {
    /// Raises the soft limit of this process, and of those it starts from then on, to the hard one.
    ///
    /// - Returns: the limit.
    @discardableResult
    public static func raiseLimit() -> Int {
        var limit = rlimit()
        let resource = __rlimit_resource_t(RLIMIT_NOFILE.rawValue)
        guard getrlimit(resource, &limit) == 0 else { return 1024 }
        if limit.rlim_cur < limit.rlim_max {
            var raised = limit
            raised.rlim_cur = limit.rlim_max
            if setrlimit(resource, &raised) == 0 { limit = raised }
        }
        return Int(clamping: limit.rlim_cur)
    }

    /// - Throws: `BenchError` when so many sockets cannot be open in this process.
    static func require(_ sockets: Int) throws {
        let limit = self.raiseLimit()
        // Beside the sockets: event loops, standard streams, pipes of children.
        guard sockets + 100 <= limit else {
            throw BenchError("\(sockets) sockets need more open files than this process may have (\(limit), ulimit -n)")
        }
    }
}
