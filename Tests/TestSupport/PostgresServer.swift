import FoundationEssentials
import Glibc
import Synchronization

/// A real PostgreSQL of a test: its own port of 127.0.0.1, its own temporary folder, gone with the test.
///
/// It asks for a password (scram-sha-256), knows the user `rejoin`, and has an empty database of that name. PostgreSQL
/// does not run as root: tests that do start it as the user `postgres`.
public final class PostgresServer: Sendable {
    /// The port of 127.0.0.1 it listens on; the same after `start()`.
    public let port: Int
    /// The temporary folder, where also the Unix socket and `postgres.log` are; `remove()` removes it.
    public let folder: String
    /// The password of the user `rejoin`.
    public let password: String
    private let isTLS: Bool
    private let programs: String
    private let process: Mutex<ChildProcess?>

    /// `postgres://rejoin:PASSWORD@127.0.0.1:PORT/rejoin`
    public var url: String { self.url(password: self.password) }

    /// With TLS: the file of the server's certificate, for 127.0.0.1 alone, which is its own authority.
    public var certificate: String { "\(self.folder)/server.crt" }

    /// Makes a database cluster, starts the server and waits until it answers.
    ///
    /// - Parameters:
    ///   - password: of the user `rejoin`.
    ///   - tls: whether the server offers TLS. Default: `false`.
    /// - Throws: `TestSupportError` when PostgreSQL is not installed, does not start or does not answer.
    public init(password: String = "p@ss:w/rd?", tls: Bool = false) async throws {
        self.programs = try Self.findPrograms()
        self.port = freePort()
        self.folder = try temporaryFolder()
        self.password = password
        self.isTLS = tls
        self.process = Mutex(nil)
        if getuid() == 0 {
            guard let user = getpwnam("postgres"), chown(self.folder, user.pointee.pw_uid, user.pointee.pw_gid) == 0
            else { throw TestSupportError("no user postgres, which Debian's package postgresql makes") }
        }
        let passwordFile = "\(self.folder)/password"
        try writeText(passwordFile, password)
        try await self.run(
            "initdb", "-D", self.data, "-U", "rejoin", "-A", "scram-sha-256", "--pwfile", passwordFile, "-E", "UTF8",
            "--locale", "C", "--no-sync")
        unlink(passwordFile)
        if tls {
            try await self.run(
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                "-days", "2", "-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1",
                "-keyout", "\(self.folder)/server.key", "-out", self.certificate)
        }
        try await self.start()
        try await self.query("CREATE DATABASE rejoin", database: "postgres")
    }

    deinit {
        self.remove()
    }

    /// The URL with another password, user or database.
    public func url(user: String = "rejoin", password: String, database: String = "rejoin") -> String {
        "postgres://\(user):\(escaped(password))@127.0.0.1:\(self.port)/\(database)"
    }

    /// Starts the server if it does not run, on the same port with the same data, and waits until it answers.
    public func start() async throws {
        guard self.process.withLock({ $0?.isRunning != true }) else { return }
        let (program, arguments) = self.asPostgres(
            "postgres",
            [
                "-D", self.data, "-p", "\(self.port)", "-k", self.folder, "-c", "listen_addresses=127.0.0.1",
                "-c", "fsync=off", "-c", "shared_buffers=8MB", "-c", "max_connections=40",
            ] + (self.isTLS ? self.tlsOptions : []))
        let process = try ChildProcess(program, arguments: arguments, outputPath: "\(self.folder)/postgres.log")
        self.process.withLock { $0 = process }
        try await eventually(timeout: .seconds(30), "PostgreSQL answers") {
            guard process.isRunning else {
                throw TestSupportError("postgres ended: \(readText("\(self.folder)/postgres.log"))")
            }
            return try await self.succeeds("pg_isready", "-q", "-h", "127.0.0.1", "-p", "\(self.port)")
        }
    }

    /// Stops the server at once, as a crash would: `pg_ctl stop -m immediate`.
    public func stopImmediately() async throws {
        try await self.run("pg_ctl", "stop", "-m", "immediate", "-D", self.data)
        _ = try await self.process.withLock { $0 }?.wait()
    }

    /// Stops all its processes where they are (SIGSTOP): connections stay open, nothing is answered.
    public func freeze() {
        self.signalAll(SIGSTOP)
    }

    /// Lets a frozen server go on (SIGCONT).
    public func thaw() {
        self.signalAll(SIGCONT)
    }

    /// Kills the server and removes its folder.
    public func remove() {
        self.thaw()
        self.process.withLock { process in
            // Asked to go, it takes its own processes and its shared memory with it.
            process?.signal(SIGQUIT)
            for _ in 0..<400 where process?.isRunning == true { usleep(5_000) }
            process?.kill()
            process = nil
        }
        removeTree(self.folder)
    }

    /// Asks the server through `psql`, on a connection of its own.
    ///
    /// - Returns: the rows, columns separated by `|`, without the last line's end.
    /// - Throws: `TestSupportError` with what `psql` printed.
    @discardableResult
    public func query(_ sql: String, database: String = "rejoin") async throws -> String {
        try await self.run(
            "psql", "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", self.folder, "-p", "\(self.port)", "-U",
            "rejoin", "-d", database, "-c", sql)
    }

    private var data: String { "\(self.folder)/data" }

    private var tlsOptions: [String] {
        [
            "-c", "ssl=on", "-c", "ssl_cert_file=\(self.certificate)", "-c",
            "ssl_key_file=\(self.folder)/server.key",
        ]
    }

    @discardableResult
    private func run(_ name: String, _ arguments: String...) async throws -> String {
        let (code, text) = try await self.output(name, arguments)
        guard code == 0 else { throw TestSupportError("\(name) ended with \(code): \(text)") }
        return text
    }

    private func succeeds(_ name: String, _ arguments: String...) async throws -> Bool {
        try await self.output(name, arguments).code == 0
    }

    private func output(_ name: String, _ arguments: [String]) async throws -> (code: Int32, text: String) {
        let folder = try temporaryFolder()
        defer { removeTree(folder) }
        let (program, arguments) = self.asPostgres(name, arguments)
        let process = try ChildProcess(
            program, arguments: arguments, environment: ["PGPASSWORD": self.password, "LC_ALL": "C"],
            outputPath: "\(folder)/out")
        let code = try await process.wait(timeout: .seconds(60))
        var text = readText("\(folder)/out")
        while text.last?.isNewline == true { text.removeLast() }
        return (code, text)
    }

    private func asPostgres(_ name: String, _ arguments: [String]) -> (String, [String]) {
        let program = name == "openssl" ? name : "\(self.programs)/\(name)"
        guard getuid() == 0 else { return (program, arguments) }
        return ("setpriv", ["--reuid", "postgres", "--regid", "postgres", "--clear-groups", program] + arguments)
    }

    private func signalAll(_ number: Int32) {
        self.process.withLock { process in
            guard let process, process.isRunning else { return }
            process.signal(number)
            let children = readText("/proc/\(process.processID)/task/\(process.processID)/children")
            for child in children.split(separator: " ").compactMap({ pid_t($0) }) { _ = Glibc.kill(child, number) }
        }
    }

    /// Debian keeps the programs of each version in a folder that is not in `PATH`.
    private static func findPrograms() throws -> String {
        for version in (12...30).reversed() {
            let folder = "/usr/lib/postgresql/\(version)/bin"
            if access("\(folder)/initdb", X_OK) == 0 && access("\(folder)/postgres", X_OK) == 0 { return folder }
        }
        throw TestSupportError(
            "PostgreSQL is not installed: expected are initdb and postgres in /usr/lib/postgresql/15/bin; install "
                + "Debian's package postgresql")
    }
}

/// Runs a test's body with a PostgreSQL of its own, which is killed afterwards.
public func withPostgresServer<R>(
    tls: Bool = false, isolation: isolated (any Actor)? = #isolation,
    _ body: (PostgresServer) async throws -> sending R
) async throws -> sending R {
    let server = try await PostgresServer(tls: tls)
    defer { server.remove() }
    return try await body(server)
}

/// Percent-encoded, as RFC 3986 2.1 has it.
private func escaped(_ text: String) -> String {
    text.utf8.map { byte in
        let isPlain = (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
        let digits = String(byte, radix: 16, uppercase: true)
        return isPlain ? String(UnicodeScalar(byte)) : "%" + (digits.utf8.count == 1 ? "0" : "") + digits
    }.joined()
}

private func writeText(_ path: String, _ text: String) throws {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw TestSupportError("cannot make \(path)") }
    defer { close(descriptor) }
    let bytes = Array(text.utf8)
    guard write(descriptor, bytes, bytes.count) == bytes.count else { throw TestSupportError("cannot write \(path)") }
}

/// Removes a folder with all that is in it. What is left over is in the system's temporary folder.
func removeTree(_ path: String) {
    try? FileManager.default.removeItem(atPath: path)
}
