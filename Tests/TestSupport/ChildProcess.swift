import Glibc
import Synchronization

/// A real process that a test started, and that never outlives the test process.
///
/// A small watchdog holds the other end of a pair of sockets: when the test process ends, however it ends, that closes
/// and the watchdog kills the child. (A parent-death signal is tied to the thread that forked, which may end early.)
public final class ChildProcess: Sendable {
    private struct State {
        var watchdog: pid_t
        var toWatchdog: Int32
        var status: Int32?
    }

    /// The process id; not to be signalled after `kill()` or `wait()`.
    public let processID: Int32
    /// The file with what the process writes on standard output and standard error.
    public let outputPath: String
    private let state: Mutex<State>

    /// Starts a program.
    ///
    /// - Parameters:
    ///   - executable: a path, or a name that is looked up in `PATH`.
    ///   - arguments: without the program's name.
    ///   - environment: added to the test process's own environment.
    ///   - outputPath: a file that standard output and standard error are appended to.
    /// - Throws: `TestSupportError` when the program cannot be started.
    public init(
        _ executable: String, arguments: [String], environment: [String: String] = [:], outputPath: String
    ) throws {
        var ends: [Int32] = [-1, -1]
        guard socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0, &ends) == 0 else {
            throw TestSupportError("no pair of sockets: \(String(cString: strerror(errno)))")
        }
        let script = """
            trap '' INT TERM HUP
            while read -r line; do pid=$line; done
            [ -n "$pid" ] && kill -KILL "$pid"
            """
        let watchdog: pid_t
        do {
            watchdog = try spawn(
                "/bin/sh", arguments: ["-c", script], environment: [:], input: ends[0], outputPath: "/dev/null")
        } catch {
            close(ends[0])
            close(ends[1])
            throw error
        }
        close(ends[0])
        do {
            self.processID = try spawn(
                executable, arguments: arguments, environment: environment, input: nil, outputPath: outputPath)
        } catch {
            close(ends[1])
            reap(watchdog)
            throw error
        }
        self.outputPath = outputPath
        self.state = Mutex(State(watchdog: watchdog, toWatchdog: ends[1], status: nil))
        tell(ends[1], "\(self.processID)\n")
    }

    deinit {
        self.kill()
    }

    /// Whether the process has not ended yet.
    public var isRunning: Bool {
        self.exitStatus == nil
    }

    /// The status of `waitpid` if the process has ended; nil while it runs.
    public var exitStatus: Int32? {
        self.state.withLock { state in
            guard state.status == nil else { return state.status }
            var status: Int32 = 0
            if waitpid(self.processID, &status, WNOHANG) == self.processID {
                Self.ended(&state, status)
            }
            return state.status
        }
    }

    /// Sends a signal, if the process still runs.
    public func signal(_ number: Int32) {
        self.state.withLock { state in
            if state.status == nil { _ = Glibc.kill(self.processID, number) }
        }
    }

    /// Kills the process (SIGKILL) and waits until it is gone.
    public func kill() {
        self.state.withLock { state in
            guard state.status == nil else { return }
            _ = Glibc.kill(self.processID, SIGKILL)
            Self.ended(&state, reap(self.processID))
        }
    }

    /// Waits until the process ends by itself, at most `timeout`.
    ///
    /// - Returns: the exit code, or 128 + the signal that ended it.
    /// - Throws: `TestSupportError` when it still runs then.
    @discardableResult
    public func wait(timeout: Duration = .seconds(10)) async throws -> Int32 {
        try await eventually(timeout: timeout) { !self.isRunning }
        let status = self.exitStatus ?? 0
        return status & 0x7f == 0 ? (status >> 8) & 0xff : 128 + (status & 0x7f)
    }

    private static func ended(_ state: inout State, _ status: Int32) {
        state.status = status
        // An empty line makes the watchdog forget a process id that may soon be somebody else's.
        tell(state.toWatchdog, "\n")
        close(state.toWatchdog)
        reap(state.watchdog)
    }
}

/// A test's environment does not allow what the test needs.
public struct TestSupportError: Error, CustomStringConvertible {
    public let description: String

    public init(_ description: String) {
        self.description = description
    }
}

private func spawn(
    _ executable: String, arguments: [String], environment: [String: String], input: Int32?, outputPath: String
) throws -> pid_t {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    if let input {
        posix_spawn_file_actions_adddup2(&actions, input, 0)
    } else {
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
    }
    posix_spawn_file_actions_addopen(&actions, 1, outputPath, O_WRONLY | O_CREAT | O_APPEND, 0o600)
    posix_spawn_file_actions_adddup2(&actions, 1, 2)

    // A signal mask and ignored signals would be inherited: a child must react to SIGTERM.
    var attributes = posix_spawnattr_t()
    posix_spawnattr_init(&attributes)
    defer { posix_spawnattr_destroy(&attributes) }
    var none = sigset_t()
    sigemptyset(&none)
    var all = sigset_t()
    sigfillset(&all)
    posix_spawnattr_setsigmask(&attributes, &none)
    posix_spawnattr_setsigdefault(&attributes, &all)
    posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

    var variables: [String] = []
    var next = environ
    while let variable = next.pointee {
        let text = String(cString: variable)
        if environment[String(text.prefix { $0 != "=" })] == nil { variables.append(text) }
        next += 1
    }
    variables += environment.map { "\($0.key)=\($0.value)" }

    var argv: [UnsafeMutablePointer<CChar>?] = ([executable] + arguments).map { strdup($0) } + [nil]
    var envp: [UnsafeMutablePointer<CChar>?] = variables.map { strdup($0) } + [nil]
    defer { (argv + envp).forEach { free($0) } }
    var processID: pid_t = 0
    let result = posix_spawnp(&processID, executable, &actions, &attributes, &argv, &envp)
    guard result == 0 else {
        throw TestSupportError("cannot start \(executable): \(String(cString: strerror(result)))")
    }
    return processID
}

@discardableResult
private func reap(_ processID: pid_t) -> Int32 {
    var status: Int32 = 0
    while waitpid(processID, &status, 0) == -1 && errno == EINTR {}
    return status
}

private func tell(_ descriptor: Int32, _ text: String) {
    let bytes = Array(text.utf8)
    _ = send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
}
