import HTTPTypes
import Hummingbird
import NIOCore
import Sessions
import SocketIO

/// `/session…`: the session without a socket, for pages, web backends and proxies.
struct SessionRoutes: Sendable {
    private let sessions: SessionService
    private let requests: RequestPolicy
    /// Bytes of a request's body.
    private static let maximumBody = 4_096

    init(sessions: SessionService, requests: RequestPolicy) {
        self.sessions = sessions
        self.requests = requests
    }

    func add(to router: Router<VisitorContext>) {
        router.get("session") { request, context in await self.reading(request, context, self.show) }
        router.get("session/check") { request, context in await self.reading(request, context, self.check) }
        router.post("session/login") { request, context in await self.changing(request, context, self.logIn) }
        router.post("session/claim") { request, context in await self.changing(request, context, self.claim) }
        router.get("session/devices") { request, context in await self.reading(request, context, self.devices) }
        router.post("session/devices/end") { request, context in
            await self.changing(request, context, self.endDevice)
        }
        router.post("session/logout") { request, context in await self.changing(request, context, self.logOut) }
    }

    /// Who asks, and what its cookie says.
    private struct Asker {
        let visitor: Visitor
        let cookie: Substring?
    }

    // MARK: Endpoints

    private func show(_ asker: Asker) async throws(RequestFailure) -> Response {
        let session = try await session(of: asker, guestsToo: true)
        return Answer.json(
            Self.description(session.session?.user, expires: session.session?.expires),
            cookie: sessions.cookie(for: session, asker.visitor))
    }

    private func check(_ asker: Asker) async throws(RequestFailure) -> Response {
        // Also a guest's cookie: while nobody can be asked, nobody is told to log in.
        guard let user = try await session(of: asker, guestsToo: true).session?.user else {
            throw RequestFailure(.loginRequired, "no player's session came with the request; log in first")
        }
        var response = Answer.empty(.noContent)
        response.headers[Self.userField] = user.name.percentEncoded
        response.headers[Self.userIDField] = user.id
        return response
    }

    private func logIn(_ asker: Asker, _ body: JSONBytes) async throws(RequestFailure) -> Response {
        let login = try LoginRequest(body)
        let session = try await session(of: asker, guestsToo: true)
        let (cookie, outcome) = try await sessions.logIn(login, session, from: asker.visitor)
        return Answer.json(Self.description(outcome.user, expires: outcome.expires), cookie: cookie)
    }

    private func claim(_ asker: Asker, _ body: JSONBytes) async throws(RequestFailure) -> Response {
        try sessions.requireSecure(asker.visitor)
        guard let text = body["ticket"]?.string else {
            throw RequestFailure(.badRequest, "ticket: the string from the login's answer is expected")
        }
        guard let ticket = Ticket(text),
            let cookie = try await sessions.claim(ticket, asker.cookie, from: asker.visitor)
        else {
            return Answer.error(
                "gone", "the ticket was used, is over 60 s old, or came with another session's cookie; log in again",
                status: .gone)
        }
        return Answer.empty(.noContent, cookie: cookie)
    }

    private func logOut(_ asker: Asker, _ body: JSONBytes) async throws(RequestFailure) -> Response {
        let everywhere = body["everywhere"].map { $0.bool } ?? false
        guard let everywhere else {
            throw RequestFailure(.badRequest, "everywhere: true or false is expected")
        }
        let session = try await session(of: asker, guestsToo: false)
        return Answer.empty(
            .noContent, cookie: try await sessions.logOut(session, everywhere: everywhere, from: asker.visitor))
    }

    private func devices(_ asker: Asker) async throws(RequestFailure) -> Response {
        var writer = JSONObjectWriter()
        writer.member("devices", json: try await sessions.devices(of: try await player(asker).login))
        return Answer.json(writer.finish())
    }

    private func endDevice(_ asker: Asker, _ body: JSONBytes) async throws(RequestFailure) -> Response {
        let choice = try DeviceChoice(body)
        let (session, login) = try await player(asker)
        var cookie: String?
        let confirmation: SessionService.Confirmation
        if case .one(login.handle) = choice {
            (confirmation, cookie) = try await sessions.logOut(session, login, from: asker.visitor)
        } else {
            confirmation = try await sessions.end(choice, of: login)
        }
        var writer = JSONObjectWriter()
        writer.member(confirmation)
        return Answer.json(writer.finish(), cookie: cookie)
    }

    /// The session of a request that only a player may make.
    private func player(_ asker: Asker) async throws(RequestFailure) -> (session: RequestSession, login: SessionGuard) {
        let session = try await session(of: asker, guestsToo: true)
        guard let login = session.session?.loginGuard else {
            throw RequestFailure(.loginRequired, "no player's session came with the request; log in first")
        }
        return (session, login)
    }

    // MARK: Around every endpoint

    private func reading(
        _ request: Request, _ context: VisitorContext,
        _ endpoint: (Asker) async throws(RequestFailure) -> Response
    ) async -> Response {
        await asking(request, requests.visitor(peer: context.peer, headers: request.values), endpoint)
    }

    private func changing(
        _ request: Request, _ context: VisitorContext,
        _ endpoint: (Asker, JSONBytes) async throws(RequestFailure) -> Response
    ) async -> Response {
        let visitor = requests.visitor(peer: context.peer, headers: request.values)
        guard requests.allowsChange(visitor, headers: request.values) else {
            return Answer.failure(RequestFailure(.forbidden, "pages of another site may not change a session"))
        }
        guard request.isJSON else {
            return Answer.error(
                "bad_request", "Content-Type: application/json is expected", status: .unsupportedMediaType)
        }
        return await asking(request, visitor) { asker throws(RequestFailure) in
            try await endpoint(asker, try await request.jsonObject(upTo: Self.maximumBody))
        }
    }

    private func asking(
        _ request: Request, _ visitor: Visitor, _ endpoint: (Asker) async throws(RequestFailure) -> Response
    ) async -> Response {
        let cookie: Substring?
        do throws(CookieError) {
            cookie = try visitor.cookie.value(in: request.values("cookie"))
        } catch {
            return Answer.error(error)
        }
        do throws(RequestFailure) {
            return try await endpoint(Asker(visitor: visitor, cookie: cookie))
        } catch {
            return Answer.failure(error)
        }
    }

    private func session(of asker: Asker, guestsToo: Bool) async throws(RequestFailure) -> RequestSession {
        do throws(SessionError) {
            return try await sessions.session(of: asker.cookie, guestsToo: guestsToo)
        } catch {
            throw sessions.failure(error)
        }
    }

    private static func description(_ user: SessionUser?, expires: Int?) -> JSONBytes {
        var writer = JSONObjectWriter()
        writer.member("login", bool: user != nil)
        if let user {
            writer.member("user", json: user.json)
            if let expires { writer.member("expires", int: expires) }
        } else {
            writer.memberNull("user")
        }
        return writer.finish()
    }

    private static let userField = HTTPField.Name("X-Rejoin-User")!
    private static let userIDField = HTTPField.Name("X-Rejoin-User-Id")!
}

extension String {
    /// Everything but RFC 3986's unreserved characters percent-encoded, so that any name fits into a header.
    var percentEncoded: String {
        var output = ""
        for byte in utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                output.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                output += "%" + (digits.count == 1 ? "0" : "") + digits
            }
        }
        return output
    }
}
