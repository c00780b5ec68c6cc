#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The file descriptors that are kept free: without one for a connection that comes, accepting fails at once and is
/// tried again at once, which takes a core for as long as it lasts.
///
/// The maximum of connections keeps clients from it. This is for what the maximum does not know of: a limit that was
/// lowered, or files of others in this process.
struct DescriptorReserve {
    /// Descriptors; more than are accepted at a time.
    private static let size = 24

    /// Something to make copies of, which costs less than to open a file.
    private static let original = open("/dev/null", O_RDONLY | O_CLOEXEC)

    /// The lowest free descriptor tells how many are in use, for the lowest is always taken.
    static var isWhole: Bool {
        var limit = rlimit()
        let lowest = fcntl(original, F_DUPFD_CLOEXEC, 0)
        guard lowest >= 0 else { return false }
        close(lowest)
        guard getrlimit(.init(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return true }
        return Int(lowest) + size < Int(clamping: limit.rlim_cur)
    }
}
