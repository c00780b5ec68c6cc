#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// `pipe(2)`, under a name that does not collide with ours.
private func systemPipe(_ ends: UnsafeMutablePointer<Int32>) -> Int32 {
    pipe(ends)
}

/// A process that `up` started. Confined to the main thread.
final class Child {
    /// How a process ended.
    enum Ending: CustomStringConvertible {
        case exited(Int32)
        case killed(Int32)

        var description: String {
            switch self {
            case .exited(let status): "exited with status \(status)"
            case .killed(let number): "was killed by signal \(number) (\(String(cString: strsignal(number))))"
            }
        }
    }

    /// What to start.
    struct Command {
        var program: String
        var arguments: [String] = []
        var environment: [String: String]
        /// Written to standard input, which ends after it. At most 4,096 bytes: what a pipe takes at once.
        var input = ""
        /// Where standard error goes, and standard output when nobody reads it.
        var log: String
        /// Whether ``Child/output`` reads standard output.
        var readsOutput = false
        /// What it gets when `up` is gone.
        var signalOnParentDeath: String
    }

    let pid: pid_t
    let log: String
    let startedAt = ContinuousClock.now
    /// The end of a pipe that standard output goes to; -1 when it is closed or not read.
    private(set) var output: Int32
    private(set) var ending: Ending?
    private var partialLine: [UInt8] = []

    /// - Parameter setpriv: The program that makes the child die with this thread.
    init(_ command: Command, setpriv: String?) throws {
        log = command.log
        var attributes = posix_spawnattr_t()
        var actions = posix_spawn_file_actions_t()
        posix_spawnattr_init(&attributes)
        posix_spawn_file_actions_init(&actions)
        defer {
            posix_spawnattr_destroy(&attributes)
            posix_spawn_file_actions_destroy(&actions)
        }
        // A group of its own: the terminal's Ctrl-C is for `up`, which then stops its children in order.
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP))

        let input = try Self.pipe()
        let output = command.readsOutput ? try Self.pipe() : nil
        defer {
            close(input.read)
            close(input.write)
            if let output { close(output.write) }
        }
        posix_spawn_file_actions_adddup2(&actions, input.read, STDIN_FILENO)
        posix_spawn_file_actions_addopen(
            &actions, STDERR_FILENO, command.log, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        posix_spawn_file_actions_adddup2(&actions, output?.write ?? STDERR_FILENO, STDOUT_FILENO)

        let binding = setpriv.map { [$0, "--pdeathsig", command.signalOnParentDeath] } ?? []
        let words = binding + [command.program] + command.arguments
        var argv: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) } + [nil]
        var environment: [UnsafeMutablePointer<CChar>?] =
            command.environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { (argv + environment).forEach { free($0) } }
        var pid: pid_t = 0
        let result = posix_spawn(&pid, words[0], &actions, &attributes, &argv, &environment)
        guard result == 0 else {
            if let output { close(output.read) }
            throw Failure("\(words[0]) cannot be started: \(String(cString: strerror(result)))")
        }
        self.pid = pid
        self.output = output?.read ?? -1
        if self.output >= 0 { _ = fcntl(self.output, F_SETFL, O_NONBLOCK) }
        _ = command.input.withCString { write(input.write, $0, command.input.utf8.count) }
    }

    deinit { closeOutput() }

    var isAlive: Bool { ending == nil }

    /// Notices the end, if it came.
    ///
    /// - Returns: Whether this call noticed it.
    func reap() -> Bool {
        var status: Int32 = 0
        guard isAlive, waitpid(pid, &status, WNOHANG) == pid else { return false }
        let number = status & 0x7F
        ending = number == 0 ? .exited(status >> 8 & 0xFF) : .killed(number)
        return true
    }

    /// Does nothing to a process that is gone: its number may be another's by now.
    func send(_ number: Int32) {
        if isAlive { kill(pid, number) }
    }

    /// Whole lines of standard output that came since the last call; a line of more than 4,096 bytes is cut.
    func takeLines() -> [String] {
        var lines: [String] = []
        var bytes = [UInt8](repeating: 0, count: 4_096)
        while output >= 0 {
            let count = read(output, &bytes, bytes.count)
            if count < 0 && errno == EINTR { continue }
            if count == 0 { closeOutput() }
            guard count > 0 else { break }
            for byte in bytes[..<count] {
                if byte == UInt8(ascii: "\n") {
                    lines.append(String(decoding: partialLine, as: UTF8.self))
                    partialLine = []
                } else if partialLine.count < 4_096 {
                    partialLine.append(byte)
                }
            }
        }
        return lines
    }

    private func closeOutput() {
        if output >= 0 { close(output) }
        output = -1
    }

    private static func pipe() throws -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        guard systemPipe(&ends) == 0 else { throw Failure("no pipe: \(String(cString: strerror(errno)))") }
        // Only this thread starts processes: none inherits an end in between.
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        return (ends[0], ends[1])
    }
}
