import Sessions

/// The sessions of a cluster, as operators list and end them.
extension ClusterConsole {
    /// The sessions in which a user is logged in, the oldest login first.
    ///
    /// - Parameter limit: how many at most.
    /// - Returns: the sessions, and whether there may be more.
    public func sessions(
        ofUser userID: String, limit: Int
    ) async throws -> (sessions: [SessionSummary], more: Bool) {
        let store = try store
        var start = 0
        return try await collect(limit) { count in
            let page = try await store.page(of: userID, from: start, limit: count)
            start = page.next.flatMap { Int($0) } ?? 0
            return page
        }
    }

    /// All sessions, players' and guests', in no order.
    ///
    /// - Parameter limit: how many at most.
    /// - Returns: the sessions, each once, and whether there may be more.
    public func sessions(limit: Int) async throws -> (sessions: [SessionSummary], more: Bool) {
        let store = try store
        var cursor = SessionCursor.start
        return try await collect(limit) { count in
            let page = try await store.page(from: cursor, limit: count)
            cursor = page.next.flatMap { SessionCursor($0) } ?? .start
            return page
        }
    }

    private func collect(
        _ limit: Int, _ page: (Int) async throws -> SessionPage
    ) async throws -> (sessions: [SessionSummary], more: Bool) {
        var sessions: [SessionSummary] = []
        var known: Set<SessionHandle> = []
        while true {
            let part = try await page(min(limit - sessions.count, SessionStore.maximumListed))
            sessions += part.records.filter { known.insert($0.handle).inserted }.map(SessionSummary.init)
            let more = part.next != nil || sessions.count > limit
            if sessions.count >= limit || part.next == nil { return (Array(sessions.prefix(limit)), more) }
        }
    }

    /// One session.
    ///
    /// - Returns: `nil` when there is none.
    /// - Throws: ``ConfigurationError`` for what is no handle.
    public func session(_ handle: String) async throws -> SessionSummary? {
        try await store.record(try Self.handle(handle)).map(SessionSummary.init)
    }

    /// Ends one session, whoever holds it, and waits until the nodes have confirmed it.
    ///
    /// - Returns: `nil` when there was none.
    /// - Throws: ``ConfigurationError`` for what is no handle.
    public func endSession(_ handle: String) async throws -> Confirmation? {
        guard let ended = try await store.revoke(try Self.handle(handle)) else { return nil }
        return try await confirm([ended])
    }

    /// Whether a text is spelled as handles of sessions are.
    public static func isHandle(_ text: String) -> Bool { SessionHandle(text) != nil }

    private static func handle(_ text: String) throws(ConfigurationError) -> SessionHandle {
        guard let handle = SessionHandle(text) else {
            throw ConfigurationError(
                "\(text) is no session's handle: \(SessionHandle.length) characters are expected, as "
                    + "`rejoin sessions list` shows them")
        }
        return handle
    }
}
