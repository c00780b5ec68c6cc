package import SocketIO

/// What a client sends to log in: a name and a password, or the token of an identity provider.
package enum LoginRequest: Sendable {
    case password(PasswordLogin)
    /// A JSON Web Token.
    case token(String)

    /// - Throws: `bad_request` when neither is there, or both.
    package init(_ body: JSONBytes) throws(RequestFailure) {
        guard let token = body["jwt"] else {
            self = .password(try PasswordLogin(body))
            return
        }
        guard body["username"] == nil, body["password"] == nil else {
            throw RequestFailure(.badRequest, "username and password, or jwt: not both")
        }
        guard let text = token.string else {
            throw RequestFailure(.badRequest, "jwt: a string is expected")
        }
        self = .token(text)
    }
}
