import Glibc
import Synchronization

/// A real `redis-server` of a test: its own port of 127.0.0.1, its own temporary folder, gone with the test.
public final class RedisServer: Sendable {
    /// The port of 127.0.0.1 it listens on; the same after `restart()`.
    public let port: Int
    /// The temporary folder, where also `redis.log` is; `stop()` removes it.
    public let folder: String
    private let arguments: [String]
    private let process: Mutex<ChildProcess?>

    /// `redis://127.0.0.1:PORT`
    public var url: String { "redis://127.0.0.1:\(self.port)" }

    /// Starts the server and waits until it answers.
    ///
    /// - Parameter arguments: added to `--save '' --appendonly no`, as on the command line, for instance
    ///   `["--requirepass", "secret"]`.
    /// - Throws: `TestSupportError` when it does not start or does not answer within 10 s.
    public init(_ arguments: [String] = []) async throws {
        self.port = freePort()
        self.folder = try temporaryFolder()
        self.arguments = arguments
        self.process = Mutex(nil)
        try await self.start()
    }

    deinit {
        self.stop()
    }

    /// Kills the server at once (SIGKILL), as a crash of its machine would.
    public func kill() {
        self.process.withLock { process in
            process?.kill()
            process = nil
        }
    }

    /// Kills the server if it runs, and starts it on the same port with the same folder: it has what it saved.
    public func restart() async throws {
        self.kill()
        try await self.start()
    }

    /// Stops the process where it is (SIGSTOP): connections stay open, nothing is answered.
    public func freeze() {
        self.signal(SIGSTOP)
    }

    /// Lets a frozen server go on (SIGCONT).
    public func thaw() {
        self.signal(SIGCONT)
    }

    /// Sends a signal to the server if it runs.
    public func signal(_ number: Int32) {
        self.process.withLock { $0?.signal(number) }
    }

    /// Kills the server and removes its folder.
    public func stop() {
        self.kill()
        for name in ["redis.log", "dump.rdb"] { unlink("\(self.folder)/\(name)") }
        rmdir(self.folder)
    }

    /// Asks the server through `redis-cli`, on a connection of its own.
    ///
    /// - Parameter words: the command and its arguments, for instance `"CLIENT", "KILL", "TYPE", "normal"`; options of
    ///   `redis-cli` may come first.
    /// - Returns: what `redis-cli` printed, without the last line's end.
    /// - Throws: `TestSupportError` when there is no answer within 10 s.
    @discardableResult
    public func command(_ words: String...) async throws -> String {
        let path = try temporaryFolder() + "/out"
        defer {
            unlink(path)
            rmdir(String(path.dropLast("/out".count)))
        }
        let process = try ChildProcess("redis-cli", arguments: ["-p", "\(self.port)"] + words, outputPath: path)
        try await process.wait()
        var text = readText(path)
        while text.last?.isNewline == true { text.removeLast() }
        return text
    }

    private func start() async throws {
        let log = "\(self.folder)/redis.log"
        let process = try ChildProcess(
            "redis-server",
            arguments: [
                "--port", "\(self.port)", "--bind", "127.0.0.1", "--dir", self.folder, "--save", "",
                "--appendonly", "no",
            ] + self.arguments,
            outputPath: log)
        self.process.withLock { $0 = process }
        try await eventually("redis-server answers") {
            guard process.isRunning else { throw TestSupportError("redis-server ended: \(readText(log))") }
            return answers(self.port)
        }
    }
}

/// Runs a test's body with a `redis-server` of its own, which is killed afterwards.
public func withRedisServer<R>(
    _ arguments: [String] = [], isolation: isolated (any Actor)? = #isolation,
    _ body: (RedisServer) async throws -> sending R
) async throws -> sending R {
    let server = try await RedisServer(arguments)
    defer { server.stop() }
    return try await body(server)
}

/// A new empty folder for one test, which the test removes.
public func temporaryFolder() throws -> String {
    let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
    var template = Array("\(parent)/rejoin-test-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else {
        throw TestSupportError("no temporary folder in \(parent): \(String(cString: strerror(errno)))")
    }
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
}

/// Whether something on this port answers PING: `+PONG`, or that a password is needed first.
private func answers(_ port: Int) -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    guard withLoopback(port, { connect(descriptor, $0, $1) == 0 }) else { return false }
    var limit = timeval(tv_sec: 1, tv_usec: 0)
    setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    let ping = Array("PING\r\n".utf8)
    guard send(descriptor, ping, ping.count, Int32(MSG_NOSIGNAL)) == ping.count else { return false }
    var answer = [UInt8](repeating: 0, count: 64)
    let count = recv(descriptor, &answer, answer.count, 0)
    guard count > 0 else { return false }
    let text = String(decoding: answer[..<count], as: UTF8.self)
    return text.hasPrefix("+PONG") || text.hasPrefix("-NOAUTH") || text.hasPrefix("-NOPERM")
}

func readText(_ path: String) -> String {
    guard let file = fopen(path, "re") else { return "" }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65536)
    while true {
        let count = fread(&chunk, 1, chunk.count, file)
        guard count > 0 else { break }
        bytes += chunk[..<count]
    }
    return String(decoding: bytes, as: UTF8.self)
}
