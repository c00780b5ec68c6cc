/// What operators ask of all sessions; who may ask is judged before.
extension SessionService {
    /// A part of all sessions, players' and guests', in no order.
    ///
    /// - Parameter limit: about how many at most, 1 to 1,000.
    package func sessions(
        from cursor: SessionCursor, limit: Int
    ) async throws(RequestFailure) -> SessionPage {
        try await serving { () async throws(SessionError) in try await self.store.page(from: cursor, limit: limit) }
    }

    /// A part of a user's sessions, the oldest login first.
    ///
    /// - Parameters:
    ///   - start: `next` of the part before; 0 for the first.
    ///   - limit: how many at most, 1 to 1,000.
    package func sessions(
        of userID: String, from start: Int, limit: Int
    ) async throws(RequestFailure) -> SessionPage {
        try await serving { () async throws(SessionError) in
            try await self.store.page(of: userID, from: start, limit: limit)
        }
    }

    /// A session's record; nil when there is none.
    package func record(_ handle: SessionHandle) async throws(RequestFailure) -> SessionRecord? {
        try await serving { () async throws(SessionError) in try await self.store.record(handle) }
    }

    /// Ends a session, whoever holds it: its sockets are watchers, on every node.
    ///
    /// - Returns: nil when there was none.
    package func revoke(_ handle: SessionHandle) async throws(RequestFailure) -> Confirmation? {
        let ended = try await serving { () async throws(SessionError) in try await self.store.revoke(handle) }
        guard let ended else { return nil }
        return await tellEnded([SessionEnding(ended)], .revoked)
    }
}
