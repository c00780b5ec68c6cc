import HTTPTypes
import Hummingbird

/// One path and method of the admin API.
struct AdminRoute: Sendable {
    /// How many bytes a body may have.
    enum BodyLimit: Sendable {
        /// 4,096.
        case short
        /// As many as a message of a socket.
        case message
    }

    let method: HTTPRequest.Method
    /// Below `/api/v1`, a parameter in braces: `/users/{name}`.
    let path: String
    /// The parameters that the query may have.
    let query: Set<String>
    /// What a change is called in the audit log; `nil` for what changes nothing.
    let action: String?
    /// How long a body may be.
    let body: BodyLimit
    let answer: @Sendable (AdminAPI, AdminRequest) async throws -> Response
    private let segments: [Substring]

    private init(
        _ method: HTTPRequest.Method, _ path: String, query: Set<String> = [], action: String? = nil,
        body: BodyLimit = .short,
        _ answer: @escaping @Sendable (AdminAPI, AdminRequest) async throws -> Response
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.action = action
        self.body = body
        self.answer = answer
        segments = path.split(separator: "/")
    }

    /// What the parameters stand for in a path of these segments; `nil` when it is another path.
    func parameters(in path: [String]) -> [String: String]? {
        guard path.count == segments.count else { return nil }
        var parameters: [String: String] = [:]
        for (pattern, segment) in zip(segments, path) {
            if pattern.hasPrefix("{") {
                parameters[String(pattern.dropFirst().dropLast())] = segment
            } else if pattern != segment {
                return nil
            }
        }
        return parameters
    }

    /// All there are; `openapi.json` describes each.
    static let all = [
        AdminRoute(.get, "/openapi.json") { api, _ in api.description() },
        AdminRoute(.get, "/nodes") { api, _ in try await api.nodes() },
        AdminRoute(.post, "/nodes/{node}/drain", action: "node.drain") { try await $0.drain($1) },
        AdminRoute(.get, "/sessions", query: ["user", "userId", "limit", "cursor"]) { try await $0.sessions($1) },
        AdminRoute(.delete, "/sessions", query: ["user", "userId"], action: "user.sessions.revoke") {
            try await $0.revokeSessions($1)
        },
        AdminRoute(.get, "/sessions/{handle}") { try await $0.session($1) },
        AdminRoute(.delete, "/sessions/{handle}", action: "session.revoke") { try await $0.revokeSession($1) },
        AdminRoute(.get, "/users", query: ["limit", "cursor"]) { try await $0.users($1) },
        AdminRoute(.post, "/users", action: "user.add") { try await $0.addUser($1) },
        AdminRoute(.get, "/users/{name}") { try await $0.user($1) },
        AdminRoute(.delete, "/users/{name}", action: "user.remove") { try await $0.removeUser($1) },
        AdminRoute(.put, "/users/{name}/password", action: "user.password") { try await $0.setPassword($1) },
        AdminRoute(.get, "/users/{name}/sessions", query: ["limit", "cursor"]) {
            try await $0.sessionsOfUser($1)
        },
        AdminRoute(.delete, "/users/{name}/sessions", action: "user.sessions.revoke") {
            try await $0.revokeSessionsOfUser($1)
        },
        AdminRoute(.get, "/rooms", query: ["prefix", "limit", "cursor"]) { try await $0.rooms($1) },
        AdminRoute(.get, "/rooms/{room}") { try await $0.room($1) },
        AdminRoute(.post, "/rooms/{room}/acts", action: "room.act", body: .message) { try await $0.act($1) },
        AdminRoute(.post, "/rooms/{room}/casts", action: "room.cast", body: .message) { try await $0.cast($1) },
    ]
}
