import Accounts
import HTTPTypes
import Hummingbird
import RedisClient
import Sessions

/// Accounts. Who loses one, or gets another password, is logged out everywhere.
extension AdminAPI {
    private struct Account: Encodable {
        let id: String
        let name: String

        init(_ user: User) {
            id = user.id
            name = user.name
        }
    }

    private struct AccountList: Encodable {
        let users: [Account]
        /// The `cursor` of the next part; `null` after the last.
        let next: String?

        private enum CodingKeys: CodingKey {
            case users, next
        }

        init(users: [Account], next: String?) {
            self.users = users
            self.next = next
        }

        func encode(to encoder: any Encoder) throws {
            var members = encoder.container(keyedBy: CodingKeys.self)
            try members.encode(users, forKey: .users)
            try members.encode(next, forKey: .next)
        }
    }

    func users(_ request: AdminRequest) async throws -> Response {
        let limit = try request.limit()
        let users = try await parts.accounts.list(after: request.query["cursor"], limit: limit)
        return try Self.json(
            AccountList(users: users.map(Account.init), next: users.count < limit ? nil : users.last?.name))
    }

    func user(_ request: AdminRequest) async throws -> Response {
        try Self.json(Account(try await account(request)))
    }

    func addUser(_ request: AdminRequest) async throws -> Response {
        let user = try await parts.accounts.add(name: try request.text("name"), password: try request.text("password"))
        var response = try Self.json(Account(user), status: .created)
        response.headers[.location] = "/api/v1/users/" + user.name.percentEncoded
        return response
    }

    func setPassword(_ request: AdminRequest) async throws -> Response {
        let password = try request.text("password")
        try requireRedis()
        let user = try await parts.accounts.setPassword(name: request.parameters["name"] ?? "", password: password)
        return Self.json(try await endSessions(of: user, "the password is changed"))
    }

    func removeUser(_ request: AdminRequest) async throws -> Response {
        try requireRedis()
        let user = try await parts.accounts.remove(name: request.parameters["name"] ?? "")
        return Self.json(try await endSessions(of: user, "the account is removed"))
    }

    /// The account that the path names.
    func account(_ request: AdminRequest) async throws -> User {
        guard let user = try await parts.accounts.user(named: request.parameters["name"] ?? "") else {
            throw AdminFailure.notFound("no account has this name")
        }
        return user
    }

    /// What cannot be done whole is not begun.
    private func requireRedis() throws(AdminFailure) {
        guard parts.redis.isConnected else { throw .redisIsAway }
    }

    private func endSessions(of user: User, _ done: String) async throws(AdminFailure) -> SessionService.Confirmation {
        do throws(AdminFailure) {
            return try await endSessions(of: user.id)
        } catch {
            throw AdminFailure(
                error.status, error.code,
                "\(done), but the user's sessions could not be ended: repeat it as "
                    + "DELETE /api/v1/sessions?userId=\(user.id.percentEncoded) (\(error.message))")
        }
    }
}
