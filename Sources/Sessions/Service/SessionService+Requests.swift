import CoreMetrics

/// The session without a socket: what HTTP requests change.
extension SessionService {
    /// Logs a browser in that has no socket open.
    ///
    /// - Returns: The new cookie (`nil` where none may be set), and who is logged in until when.
    package func logIn(
        _ login: LoginRequest, _ session: RequestSession, from visitor: Visitor
    ) async throws(RequestFailure) -> (cookie: String?, outcome: (user: SessionUser, expires: Int)) {
        let before = session.session
        let verified = try await verify(
            login, from: visitor, browser: before?.handle, lastLogin: before?.lastLogin)
        if let loginGuard = before?.loginGuard {
            _ = try await logOut(loginGuard)
        }
        let place = try await place(of: session)
        let result = try await serving { () async throws(SessionError) in
            try await self.store.logIn(
                SessionLogin(
                    place: place, user: verified.user, userGeneration: verified.generation, delivery: .atOnce,
                    client: visitor.client, address: visitor.address.description))
        }
        guard case .loggedIn(let login) = result, case .secret(let secret) = login.proof else {
            throw Self.endedMeanwhile
        }
        counters.logins.increment()
        if case .known(let presented, _, _) = session {
            replacements.note(presented.handle, replacedBy: login.loginGuard.handle)
        }
        let credential = try await serving { () async throws(SessionError) in
            try self.keys.issue(.player, handle: login.loginGuard.handle, secret: secret)
        }
        if login.isInPlace {
            await tellRefresh(login.loginGuard)
        }
        await endSurplus(login.loginGuard)
        let remaining = Duration.milliseconds(max(0, login.expires - store.clock.now))
        return (visitor.cookie.header(credential, remaining: remaining), (verified.user, login.expires))
    }

    /// Exchanges the ticket of a login over a socket for the cookie.
    ///
    /// - Returns: The cookie; `nil` when the ticket is worth nothing, or came with another session's cookie.
    package func claim(
        _ ticket: Ticket, _ cookie: Substring?, from visitor: Visitor
    ) async throws(RequestFailure) -> String? {
        let claim = try await serving { () async throws(SessionError) in
            var presented: Credential?
            if let cookie, case .genuine(let credential, _) = try await self.keys.read(cookie) {
                presented = credential
            }
            return try await self.store.claim(ticket, presented: presented)
        }
        guard case .claimed(let loginGuard, _, let secret, let expires) = claim else { return nil }
        if let cookie, let presented = Credential(cookie) {
            replacements.note(presented.handle, replacedBy: loginGuard.handle)
        }
        let credential = try await serving { () async throws(SessionError) in
            try self.keys.issue(.player, handle: loginGuard.handle, secret: secret)
        }
        await tellRefresh(loginGuard)
        return visitor.cookie.header(credential, remaining: .milliseconds(max(0, expires - store.clock.now)))
    }

    /// Logs a browser's session out, on every node.
    ///
    /// - Returns: The cookie that makes the browser a guest again; `nil` where none is due.
    package func logOut(
        _ session: RequestSession, everywhere: Bool, from visitor: Visitor
    ) async throws(RequestFailure) -> String? {
        guard let loginGuard = session.session?.loginGuard else {
            return cookie(for: session, visitor)
        }
        if everywhere {
            _ = try await endAll(of: loginGuard.userID, sparing: loginGuard.handle)
        }
        return try await logOut(session, loginGuard, from: visitor).cookie
    }

    /// - Returns: Who confirmed it, and the cookie that makes the browser a guest again.
    package func logOut(
        _ session: RequestSession, _ login: SessionGuard, from visitor: Visitor
    ) async throws(RequestFailure) -> (confirmation: Confirmation, cookie: String?) {
        let confirmation = try await logOut(login)
        let guest = try await serving { () async throws(SessionError) in
            try self.keys.issue(.guest, handle: login.handle, secret: session.credential.secret)
        }
        return (confirmation, visitor.cookie.header(guest, remaining: session.session?.remaining ?? .zero))
    }

    /// The record that a request's login may change: one that its cookie holds with full rights.
    private func place(of session: RequestSession) async throws(RequestFailure) -> SessionLogin.Place? {
        guard case .known(let credential, let before?, _) = session, before.rights == .full else { return nil }
        var record = before
        if before.isLoggedIn {
            // Logged out a moment ago: the record has another generation now.
            let lookup = try await serving { () async throws(SessionError) in try await self.store.lookUp(credential) }
            guard case .found(let now) = lookup, now.rights == .full, !now.isLoggedIn else { return nil }
            record = now
        }
        return SessionLogin.Place(
            handle: record.handle, generation: record.generation, secret: credential.secret.digest)
    }
}
