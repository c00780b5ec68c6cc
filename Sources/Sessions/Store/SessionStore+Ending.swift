import Logging
import RedisClient

/// A session that was revoked.
public struct RevokedSession: Sendable, Equatable {
    /// Its name, of which there is no record any more.
    public let handle: SessionHandle
    /// Who was logged in; nil when nobody was.
    public let userID: String?
    /// The last generation it had: what a node was told of the handle up to this one is over.
    public let generation: Int
}

/// What became of many sessions that were to end.
public struct EndedSessions: Sendable {
    /// Those that ended: to be told to the nodes, whatever became of the others.
    public let sessions: [RevokedSession]
    /// Why some did not; then it is to be repeated.
    public let failure: SessionError?

    /// - Throws: when some did not end.
    public func get() throws(SessionError) -> [RevokedSession] {
        if let failure { throw failure }
        return sessions
    }
}

/// What a logout found.
public enum SessionLogout: Sendable, Equatable {
    /// It logged the session out.
    ///
    /// - Parameter generation: the record's from now on; the socket may log in again with it.
    case done(generation: Int)
    /// The login was over already: somebody else ended it, or the record is gone.
    case already
}

extension SessionStore {
    private static let logoutScript = RedisScript(name: "logout", source: PackageResources.logout_lua)
    private static let revokeScript = RedisScript(name: "revoke", source: PackageResources.revoke_lua)
    private static let everywhereScript = RedisScript(name: "everywhere", source: PackageResources.everywhere_lua)
    /// How many sessions of a user are revoked at once.
    private static let revocationsInFlight = 32

    /// Logs a session out. Works on a full Redis; repeating it is harmless.
    ///
    /// - Parameter login: the login to end; a later one of the same record is left alone.
    public func logOut(_ login: SessionGuard) async throws(SessionError) -> SessionLogout {
        let reply = try await self.run(
            Self.logoutScript, keys: [self.keys.session(login.handle), self.keys.userSessions(login.userID)],
            arguments: [
                .string(login.handle.description),
                .integer(login.generation),
                .string(login.userID),
                .integer(self.life.idle.milliseconds),
                .integer(self.life.grace.milliseconds),
            ])
        return try reply.int(1) == 1 ? .done(generation: try reply.int(2)) : .already
    }

    /// Ends a session: its record is deleted, a player's credential of it never comes back. Works on a full Redis;
    /// repeating it is harmless.
    ///
    /// - Parameters:
    ///   - handle: the session.
    ///   - userID: only when this user is logged in; nil for whoever.
    ///   - generation: only up to this generation, so that a repetition spares what was made since; nil for any.
    /// - Returns: what was ended; nil when there was no such session.
    public func revoke(
        _ handle: SessionHandle, of userID: String? = nil, upTo generation: Int? = nil
    ) async throws(SessionError) -> RevokedSession? {
        let reply = try await self.run(
            Self.revokeScript, keys: [self.keys.session(handle)],
            arguments: [.string(userID ?? ""), generation.map { .integer($0) } ?? ""])
        guard try reply.int(1) == 1 else { return nil }
        let user = try reply.string(5)
        if !user.isEmpty {
            do {
                try await self.heal(user, [(handle, try reply.int(4))])
            } catch {
                // The session has ended; its entry in the index goes when that is next read.
                self.logger.debug("index of sessions left unhealed", metadata: ["error": "\(error.message)"])
            }
        }
        return RevokedSession(handle: handle, userID: user.isEmpty ? nil : user, generation: try reply.int(3))
    }

    /// Ends all sessions of a user, and every login of it that is on its way. Works on a full Redis.
    ///
    /// - Parameters:
    ///   - userID: the user, who may have been removed already.
    ///   - spared: a session that stays, for instance the one that changed the password.
    /// - Throws: when nothing was ended.
    public func endAll(
        of userID: String, sparing spared: SessionHandle? = nil
    ) async throws(SessionError) -> EndedSessions {
        let reply = try await self.run(
            Self.everywhereScript, keys: [self.keys.user(userID), self.keys.userSessions(userID)], arguments: [])
        let handles = reply.values.dropFirst(2).compactMap { $0.string.flatMap { SessionHandle($0) } }
        return await self.revoke(handles.filter { $0 != spared }, of: userID)
    }

    /// Ends the oldest sessions of a user until so many are left: `REJOIN_SESSIONS_PER_USER`, after a login.
    ///
    /// - Parameters:
    ///   - userID: the user.
    ///   - count: how many may stay, at least 1.
    ///   - spared: a session that stays, for instance the one that just logged in.
    public func endOldest(
        of userID: String, keeping count: Int, sparing spared: SessionHandle
    ) async throws(SessionError) -> EndedSessions {
        // Of logins in the same millisecond the one that asks is the latest.
        let handles = try await self.records(of: userID)
            .sorted { ($0.expires, $0.handle == spared ? 1 : 0) < ($1.expires, $1.handle == spared ? 1 : 0) }
            .map(\.handle)
        // What is later than the spared one ends its own surplus: logins at once must not end each other.
        return await self.revoke(handles.dropLast(max(1, count)).filter { $0 != spared }, of: userID)
    }

    /// Revokes many at once, a bounded number in flight.
    private func revoke(_ handles: [SessionHandle], of userID: String) async -> EndedSessions {
        typealias Outcome = Result<RevokedSession?, SessionError>
        let outcomes = await withTaskGroup(of: Outcome.self, returning: [Outcome].self) { group in
            var outcomes: [Outcome] = []
            for (index, handle) in handles.enumerated() {
                if index >= Self.revocationsInFlight, let outcome = await group.next() { outcomes.append(outcome) }
                group.addTask {
                    do throws(SessionError) {
                        return .success(try await self.revoke(handle, of: userID))
                    } catch {
                        return .failure(error)
                    }
                }
            }
            for await outcome in group { outcomes.append(outcome) }
            return outcomes
        }
        var revoked: [RevokedSession] = []
        var failure: SessionError?
        for outcome in outcomes {
            switch outcome {
            case .success(let session?): revoked.append(session)
            case .success(nil): break
            case .failure(let error): failure = error
            }
        }
        return EndedSessions(sessions: revoked, failure: failure)
    }
}
