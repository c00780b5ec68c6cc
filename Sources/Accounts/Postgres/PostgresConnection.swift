import CPostgres
import Glibc

/// One connection to PostgreSQL.
///
/// Everything blocks until the deadline at most: only threads of ``PostgresPool`` may call. `@unchecked Sendable` is
/// true because the pool hands a connection from one thread to the next under its lock, and never to two.
final class PostgresConnection: @unchecked Sendable {
    /// What a statement gave back.
    struct Result {
        /// Texts by row and column; `nil` is NULL.
        var rows: [[String?]] = []
        var columns = 0
        /// Rows that the statement changed.
        var changed = 0
    }

    private let connection: OpaquePointer
    private let address: PostgresAddress
    /// When the call that the connection works for must have its answer.
    var deadline: ContinuousClock.Instant

    /// Connects to one server, and makes the session ready.
    ///
    /// - Throws: `notConnected`, `unfit`.
    init(
        _ address: PostgresAddress, server: PostgresAddress.Server, deadline: ContinuousClock.Instant
    ) throws(PostgresFailure) {
        // Later ones override earlier ones; the URL is in between.
        let options: [(String, String?)] = [
            ("fallback_application_name", "rejoin"), ("keepalives_idle", "30"), ("keepalives_interval", "10"),
            ("keepalives_count", "3"), ("tcp_user_timeout", "10000"), ("dbname", address.url),
            ("client_encoding", "UTF8"), ("host", server.host), ("hostaddr", server.hostAddress), ("port", server.port),
        ]
        let keywords = options.map { strdup($0.0) } + [nil]
        let values = options.map { $0.1.flatMap { strdup($0) } } + [nil]
        defer { for pointer in keywords + values { free(pointer) } }
        guard let connection = PQconnectStartParams(keywords.map { .init($0) }, values.map { .init($0) }, 1) else {
            throw PostgresFailure(.notConnected(state: nil), "no memory for a connection")
        }
        self.connection = connection
        self.address = address
        self.deadline = deadline
        // With the SQLSTATE, which says the same in every language.
        PQsetErrorVerbosity(connection, PQERRORS_VERBOSE)
        PQsetNoticeReceiver(connection, { _, _ in }, nil)
        try self.connect()
        PQsetnonblocking(connection, 1)
    }

    deinit {
        PQfinish(self.connection)
    }

    /// Whether the connection still stands and waits for a statement. Asks nobody: what the server said meanwhile, for
    /// instance that it shuts down, is read.
    var isUsable: Bool {
        guard PQstatus(self.connection) == CONNECTION_OK, PQtransactionStatus(self.connection) == PQTRANS_IDLE else {
            return false
        }
        var descriptor = pollfd(fd: PQsocket(self.connection), events: Int16(POLLIN), revents: 0)
        guard poll(&descriptor, 1, 0) > 0 else { return true }
        // A notice is fine; the end of the connection is found out here.
        guard PQconsumeInput(self.connection) == 1, PQstatus(self.connection) == CONNECTION_OK else { return false }
        return poll(&descriptor, 1, 0) == 0
    }

    /// The server's encoding, version and the like, as it announced them.
    func setting(_ name: String) -> String? {
        PQparameterStatus(self.connection, name).map { String(cString: $0) }
    }

    /// Runs one statement with its parameters `$1`, `$2`, …, which go beside it and are never part of it.
    ///
    /// - Throws: `refused`, `lost`, `timeout`.
    @discardableResult
    func execute(_ sql: String, _ parameters: [String?] = []) throws(PostgresFailure) -> Result {
        guard parameters.allSatisfy({ $0?.utf8.contains(0) != true }) else {
            // What the server itself says of such a text.
            throw PostgresFailure(.refused(state: "22021"), "a text with a zero byte cannot be kept")
        }
        let values = parameters.map { $0.flatMap { strdup($0) } }
        defer { for value in values { free(value) } }
        guard
            PQsendQueryParams(
                self.connection, sql, CInt(values.count), nil, values.map { .init($0) }, nil, nil, 0) == 1
        else { throw PostgresFailure(.lost, self.message) }
        try self.flush()
        var result = Result()
        var failure: PostgresFailure?
        while let next = try self.nextResult() {
            defer { PQclear(next) }
            switch PQresultStatus(next) {
            case PGRES_TUPLES_OK, PGRES_COMMAND_OK: result = Self.read(next)
            default: failure = self.failure(of: next)
            }
        }
        if let failure { throw failure }
        return result
    }

    /// Does `body` in a transaction, which is undone when it throws.
    ///
    /// - Throws: what `body` throws; `uncertain` when the connection was lost while the end of it was under way.
    func transaction<Value>(
        _ body: () throws(PostgresFailure) -> Value
    ) throws(PostgresFailure) -> Value {
        try self.execute("BEGIN")
        let value: Value
        do throws(PostgresFailure) {
            value = try body()
        } catch {
            // A connection that is lost, or whose time is over, is closed, which undoes it as well.
            if case .refused = error.kind { try self.execute("ROLLBACK") }
            throw error
        }
        do throws(PostgresFailure) {
            try self.execute("COMMIT")
        } catch {
            if case .refused = error.kind { throw error }
            throw PostgresFailure(.uncertain, error.message)
        }
        return value
    }

    private func connect() throws(PostgresFailure) {
        var state = PGRES_POLLING_WRITING
        while true {
            guard PQstatus(self.connection) != CONNECTION_BAD, state != PGRES_POLLING_FAILED else {
                throw self.notConnected()
            }
            do throws(PostgresFailure) {
                switch state {
                case PGRES_POLLING_OK: return
                case PGRES_POLLING_READING: try self.wait(POLLIN)
                default: try self.wait(POLLOUT)
                }
            } catch {
                throw PostgresFailure(.notConnected(state: nil), "\(self.address) does not answer in time")
            }
            state = PQconnectPoll(self.connection)
        }
    }

    private func flush() throws(PostgresFailure) {
        while true {
            let unsent = PQflush(self.connection)
            guard unsent != 0 else { return }
            guard unsent == 1 else { throw PostgresFailure(.lost, self.message) }
            // The server may be waiting for us to read before it reads.
            let ready = try self.wait(POLLIN | POLLOUT)
            guard ready & POLLIN == 0 || PQconsumeInput(self.connection) == 1 else {
                throw PostgresFailure(.lost, self.message)
            }
        }
    }

    private func nextResult() throws(PostgresFailure) -> OpaquePointer? {
        while PQisBusy(self.connection) == 1 {
            try self.wait(POLLIN)
            guard PQconsumeInput(self.connection) == 1 else { throw PostgresFailure(.lost, self.message) }
        }
        return PQgetResult(self.connection)
    }

    /// Waits for the socket, until the deadline.
    @discardableResult
    private func wait(_ events: Int32) throws(PostgresFailure) -> Int32 {
        var descriptor = pollfd(fd: PQsocket(self.connection), events: Int16(events), revents: 0)
        while true {
            let left = self.deadline - .now
            guard left > .zero else {
                throw PostgresFailure(.timeout, "\(self.address) did not answer in time")
            }
            let milliseconds = Int32(clamping: Int((left / .milliseconds(1)).rounded(.up)))
            let count = poll(&descriptor, 1, milliseconds)
            if count > 0 { return Int32(descriptor.revents) }
            guard count == 0 || errno == EINTR else {
                throw PostgresFailure(.lost, "the connection to \(self.address) cannot be waited for")
            }
        }
    }

    private static func read(_ result: OpaquePointer) -> Result {
        let columns = PQnfields(result)
        let rows = (0..<PQntuples(result)).map { row in
            (0..<columns).map { column -> String? in
                guard PQgetisnull(result, row, column) == 0, let value = PQgetvalue(result, row, column) else {
                    return nil
                }
                let bytes = UnsafeRawBufferPointer(start: value, count: Int(PQgetlength(result, row, column)))
                return String(decoding: bytes, as: UTF8.self)
            }
        }
        let changed = PQcmdTuples(result).flatMap { Int(String(cString: $0)) } ?? 0
        return Result(rows: rows, columns: Int(columns), changed: changed)
    }

    private func failure(of result: OpaquePointer) -> PostgresFailure {
        // The primary message alone: the detail has the values of the row in it.
        func field(_ code: UInt8) -> String? {
            PQresultErrorField(result, CInt(code)).map { String(cString: $0) }
        }
        guard PQstatus(self.connection) == CONNECTION_OK, let state = field(UInt8(ascii: "C")) else {
            return PostgresFailure(.lost, self.message)
        }
        return PostgresFailure(
            .refused(state: state), self.address.redact(field(UInt8(ascii: "M")) ?? "error \(state)"))
    }

    private var message: String {
        self.address.redact(PQerrorMessage(self.connection).map { String(cString: $0) } ?? "the connection is lost")
    }

    /// `…: FATAL:  28P01: password authentication failed for user "ada"`, and a line about the place in its source.
    private func notConnected() -> PostgresFailure {
        let text = PQerrorMessage(self.connection).map { String(cString: $0) } ?? ""
        var state: String?
        var parts: [Substring] = []
        for line in text.split(separator: "\n") where !line.hasPrefix("LOCATION:") {
            for part in line.split(separator: ": ", omittingEmptySubsequences: false) {
                let word = part.drop { $0 == " " }
                let isState = word.utf8.count == 5 && word.utf8.allSatisfy(Self.isOfState)
                if isState && word.utf8.contains(where: { $0 < 58 }) {
                    state = String(word)
                } else {
                    parts.append(part)
                }
            }
        }
        return PostgresFailure(.notConnected(state: state), self.address.redact(parts.joined(separator: ": ")))
    }

    private static func isOfState(_ byte: UInt8) -> Bool {
        (48...57).contains(byte) || (65...90).contains(byte)
    }
}
