import Accounts
import Hummingbird
import Sessions

/// The sessions of the cluster, players' and guests'.
extension AdminAPI {
    private struct SessionList: Encodable {
        let sessions: [SessionSummary]
        /// The `cursor` of the next part; `null` after the last.
        let next: String?

        init(_ page: SessionPage) {
            sessions = page.records.map(SessionSummary.init)
            next = page.next
        }

        private enum CodingKeys: CodingKey {
            case sessions, next
        }

        func encode(to encoder: any Encoder) throws {
            var members = encoder.container(keyedBy: CodingKeys.self)
            try members.encode(sessions, forKey: .sessions)
            try members.encode(next, forKey: .next)
        }
    }

    /// All of them, or a user's.
    func sessions(_ request: AdminRequest) async throws -> Response {
        if let userID = try await userID(request) { return try await sessions(of: userID, request) }
        let limit = try request.limit()
        let text = request.query["cursor"] ?? "0"
        guard let cursor = SessionCursor(text) else { throw Self.badCursor }
        return try Self.json(
            SessionList(
                try await Self.serving { () async throws(RequestFailure) in
                    try await self.parts.sessions.sessions(from: cursor, limit: limit)
                }))
    }

    func sessionsOfUser(_ request: AdminRequest) async throws -> Response {
        try await sessions(of: try await account(request).id, request)
    }

    private func sessions(of userID: String, _ request: AdminRequest) async throws -> Response {
        let limit = try request.limit()
        guard let cursor = SessionCursor(request.query["cursor"] ?? "0"), let start = Int(cursor.description) else {
            throw Self.badCursor
        }
        return try Self.json(
            SessionList(
                try await Self.serving { () async throws(RequestFailure) in
                    try await self.parts.sessions.sessions(of: userID, from: start, limit: limit)
                }))
    }

    func session(_ request: AdminRequest) async throws -> Response {
        let handle = try Self.handle(request)
        let record = try await Self.serving { () async throws(RequestFailure) in
            try await self.parts.sessions.record(handle)
        }
        guard let record else { throw Self.noSession }
        return try Self.json(SessionSummary(record))
    }

    func revokeSession(_ request: AdminRequest) async throws -> Response {
        let handle = try Self.handle(request)
        let confirmation = try await Self.serving { () async throws(RequestFailure) in
            try await self.parts.sessions.revoke(handle)
        }
        guard let confirmation else { throw Self.noSession }
        return Self.json(confirmation)
    }

    /// Ends a user's sessions; never everybody's.
    func revokeSessions(_ request: AdminRequest) async throws -> Response {
        guard let userID = try await userID(request) else {
            throw AdminFailure.badRequest("whose sessions? user=NAME or userId=ID is expected in the query")
        }
        return Self.json(try await endSessions(of: userID))
    }

    func revokeSessionsOfUser(_ request: AdminRequest) async throws -> Response {
        Self.json(try await endSessions(of: try await account(request).id))
    }

    /// Ends all of a user's sessions, and every login of it that is on its way.
    func endSessions(of userID: String) async throws(AdminFailure) -> SessionService.Confirmation {
        try await Self.serving { () async throws(RequestFailure) in
            try await self.parts.sessions.endAll(of: userID, sparing: nil)
        }
    }

    /// Whom the query means, `user=NAME` of an account or `userId=ID` of anybody; nil when it means nobody.
    private func userID(_ request: AdminRequest) async throws -> String? {
        switch (request.query["user"], request.query["userId"]) {
        case (nil, nil): return nil
        case (let name?, nil):
            guard let user = try await parts.accounts.user(named: name) else {
                throw AdminFailure.notFound(
                    "no account has this name; users of an identity provider have none, userId=ID means them")
            }
            return user.id
        case (nil, let id?):
            guard (1...512).contains(id.utf8.count) else {
                throw AdminFailure.badRequest("userId: 1 to 512 bytes are expected")
            }
            return id
        default: throw AdminFailure.badRequest("user or userId is expected, not both")
        }
    }

    private static func handle(_ request: AdminRequest) throws(AdminFailure) -> SessionHandle {
        guard let handle = SessionHandle(request.parameters["handle"] ?? "") else { throw noSession }
        return handle
    }

    private static let noSession = AdminFailure.notFound("no session has this handle")
    private static let badCursor = AdminFailure.badRequest("cursor: next of the part before is expected")
}
