import RedisClient

extension SessionStore {
    private static let loginScript = RedisScript(name: "login", source: PackageResources.login_lua)
    private static let claimScript = RedisScript(name: "claim", source: PackageResources.claim_lua)

    /// The generation of a user, raised whenever all of its sessions end. A login reads it before it verifies the
    /// password, so that it cannot slip through an "everywhere" that comes meanwhile.
    public func userGeneration(of userID: String) async throws(SessionError) -> Int {
        let reply = try await self.send("HGET", [.string(self.keys.user(userID)), "gen"])
        if reply.isNull { return 0 }
        guard let generation = ScriptReply.int(reply) else { throw .unexpectedReply(of: "HGET") }
        return generation
    }

    /// Logs a user in: in the caller's record when it holds that with full rights, nobody is logged in there and its
    /// generation is the one it knows; else in a new record. The secret changes, the absolute life begins anew.
    public func logIn(_ login: SessionLogin) async throws(SessionError) -> SessionLoginResult {
        let newHandle = SessionHandle.random()
        let secret = Secret.random()
        var keys = [
            self.keys.session(newHandle), self.keys.user(login.user.id), self.keys.userSessions(login.user.id),
        ]
        if let place = login.place { keys.append(self.keys.session(place.handle)) }
        let isTicket = if case .ticket = login.delivery { true } else { false }
        let reply = try await self.run(
            Self.loginScript, keys: keys,
            arguments: [
                .string(newHandle.description),
                .string(login.place?.handle.description ?? ""),
                .string(login.place?.secret?.text ?? ""),
                .integer(login.place?.generation ?? 0),
                .string(login.user.id),
                .string(login.user.name),
                .integer(login.userGeneration),
                isTicket ? "ticket" : "secret",
                .string(secret.digest.text),
                .integer(self.life.idle.milliseconds),
                .integer(self.life.absolute.milliseconds),
                .integer(self.life.grace.milliseconds),
                .string(login.client),
                .string(login.address),
            ])
        guard try reply.string(1) == "ok" else { return .refused }
        let handle = try reply.handle(2)
        return .loggedIn(
            SessionLoginResult.LoggedIn(
                loginGuard: SessionGuard(handle: handle, generation: try reply.int(3), userID: login.user.id),
                expires: try reply.int(4),
                isInPlace: try reply.int(5) == 1,
                proof: isTicket ? .ticket(Ticket(handle: handle, secret: secret)) : .secret(secret)))
    }

    /// Exchanges a login's ticket for the session's new secret, once.
    ///
    /// - Parameters:
    ///   - ticket: from the login.
    ///   - presented: the genuine credential that came with the request. When it is that of another session that is
    ///     logged in, the claim is refused and the ticket not spent; a guest's, an alias or a dead one does not matter.
    public func claim(_ ticket: Ticket, presented: Credential?) async throws(SessionError) -> SessionClaim {
        if let presented, presented.handle != ticket.handle,
            case .found(let session) = try await self.lookUp(presented), session.isLoggedIn
        {
            return .otherSession
        }
        let secret = Secret.random()
        let reply = try await self.run(
            Self.claimScript, keys: [self.keys.session(ticket.handle)],
            arguments: [
                .string(ticket.secret.digest.text),
                .string(secret.digest.text),
                .integer(self.life.idle.milliseconds),
                .integer(self.life.grace.milliseconds),
            ])
        guard try reply.string(1) == "ok" else { return .refused }
        return .claimed(
            SessionGuard(handle: ticket.handle, generation: try reply.int(2), userID: try reply.string(4)),
            name: try reply.string(5), secret: secret, expires: try reply.int(3))
    }
}
