#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The write end, for the signal handler. Unsafe is true to the facts: it is written once, before the handler that
/// reads it is installed.
nonisolated(unsafe) private var signalPipeInput: Int32 = -1

/// Signals as bytes of a pipe, so that one `poll` waits for them and for everything else.
struct SignalPipe {
    /// The end to poll and read.
    let descriptor: Int32

    /// Takes over SIGINT, SIGTERM, SIGHUP and SIGCHLD for the rest of the process's life.
    init() throws {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else {
            throw Failure("no pipe: \(String(cString: strerror(errno)))")
        }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
        descriptor = ends[0]
        signalPipeInput = ends[1]
        for number in [SIGINT, SIGTERM, SIGHUP, SIGCHLD] {
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { number in
                let before = errno
                var byte = UInt8(truncatingIfNeeded: number)
                // A full pipe has news enough.
                _ = write(signalPipeInput, &byte, 1)
                errno = before
            }
            action.sa_flags = SA_RESTART
            sigaction(number, &action, nil)
        }
    }

    /// The signals that came since the last call.
    func take() -> [Int32] {
        var bytes = [UInt8](repeating: 0, count: 256)
        let count = read(descriptor, &bytes, bytes.count)
        return count > 0 ? bytes[..<count].map(Int32.init) : []
    }
}
