import NIOCore

extension Crowd {
    /// Logs a socket in as the dialect says, if it says so.
    ///
    /// - Parameter name: Stands for `%socket`.
    func logIn(_ member: Member, _ dialect: Dialect, as name: String, _ timeout: TimeAmount) -> EventLoopFuture<Void> {
        guard let login = dialect.login else { return self.eventLoop.makeSucceededVoidFuture() }
        return self.speak(
            member, login.event, login.argument.filled(socket: name), acknowledged: dialect.acknowledges,
            timeout: timeout
        ).map { _ in }
    }

    /// Joins a room: of Rejoin, or as the dialect says.
    func join(_ member: Member, _ room: String, _ timeout: TimeAmount) -> EventLoopFuture<Void> {
        guard let dialect = self.dialect else {
            return self.request(member, "join", "{\"room\":\"\(room)\"}", timeout: timeout).map { _ in }
        }
        guard let join = dialect.join else { return self.eventLoop.makeSucceededVoidFuture() }
        return self.speak(
            member, join.event, join.argument.filled(room: room), acknowledged: dialect.acknowledges, timeout: timeout
        ).map { _ in }
    }
}
