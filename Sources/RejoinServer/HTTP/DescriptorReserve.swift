#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The file descriptors that are kept free: without one for a connection that comes, accepting fails.
///
/// The maximum of connections keeps clients from it. This is for what the maximum does not know of: a limit that was
/// lowered, or files of others in this process.
struct DescriptorReserve {
    /// Descriptors beside those for connections that are accepted by leave that was given before.
    private static let margin = 8

    /// Something to make copies of, which costs less than to open a file.
    private static let original = open("/dev/null", O_RDONLY | O_CLOEXEC)

    /// The lowest free descriptor tells how many are in use, for the lowest is always taken.
    ///
    /// - Parameter accepting: how many connections may be accepted before this is asked again.
    static func isWhole(accepting: Int) -> Bool {
        var limit = rlimit()
        let lowest =
            original >= 0 ? fcntl(original, F_DUPFD_CLOEXEC, 0) : open("/dev/null", O_RDONLY | O_CLOEXEC)
        guard lowest >= 0 else { return false }
        close(lowest)
        guard getrlimit(.init(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return true }
        return Int(lowest) + accepting + margin < Int(clamping: limit.rlim_cur)
    }
}
