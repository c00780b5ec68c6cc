/// What each new connection is told before it is used.
struct PostgresSession: Sendable {
    /// How long a statement may take at the server; it is undone there then.
    var statementTimeout: Duration
    /// Whether nothing may be changed.
    var isReadOnly = false

    /// Connects to the first server of the address that can be used.
    ///
    /// - Throws: `notConnected`, `unfit`; of several servers the last one's failure.
    func connect(_ address: PostgresAddress) throws(PostgresFailure) -> PostgresConnection {
        var failure = PostgresFailure(.notConnected(state: nil), "\(address) names no server")
        for server in address.servers {
            do throws(PostgresFailure) {
                return try self.connect(address, server)
            } catch {
                failure = error
            }
        }
        throw failure
    }

    private func connect(
        _ address: PostgresAddress, _ server: PostgresAddress.Server
    ) throws(PostgresFailure) -> PostgresConnection {
        let deadline = ContinuousClock.now + (address.connectTimeout ?? .seconds(1))
        let connection = try PostgresConnection(address, server: server, deadline: deadline)
        let encoding = connection.setting("server_encoding") ?? "unknown"
        guard encoding == "UTF8" else {
            throw PostgresFailure(
                .unfit, "its encoding is \(encoding), expected is UTF8 (CREATE DATABASE … ENCODING UTF8)")
        }
        do throws(PostgresFailure) {
            let milliseconds = max(1, Int(self.statementTimeout / .milliseconds(1)))
            try connection.execute("SELECT set_config('statement_timeout', $1, false)", ["\(milliseconds)ms"])
            if self.isReadOnly {
                try connection.execute("SELECT set_config('default_transaction_read_only', 'on', false)")
            }
        } catch {
            throw PostgresFailure(.notConnected(state: nil), error.message)
        }
        return connection
    }
}
