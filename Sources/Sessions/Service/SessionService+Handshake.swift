package import EngineIO
import Logging
import NIOCore
import NIOHTTP1

/// A session as a request without a socket has it.
package enum RequestSession: Sendable {
    /// A record that lives, or will at its first CONNECT; with the cookie to send again, where it has to be.
    case known(Credential, Session?, renewed: Credential?)
    /// There was no credential worth anything: a fresh guest takes its place.
    ///
    /// - Parameter setsCookie: false where a cookie would undo a change of the secret that just happened.
    case fresh(Credential, setsCookie: Bool)

    package var credential: Credential {
        switch self {
        case .known(let credential, _, let renewed): renewed ?? credential
        case .fresh(let credential, _): credential
        }
    }

    /// The record, where there is one.
    package var session: Session? {
        if case .known(_, let session, _) = self { session } else { nil }
    }
}

extension SessionService {
    /// Judges a handshake: origin, cookies, credential. A guest's credential costs no round trip while it is young.
    package func authorize(_ handshake: EngineHandshake) -> HandshakeAuthorization {
        if let reason = isServing() {
            return .now(.refuse(.unavailable(reason)))
        }
        let headers = { (name: String) in handshake.head.headers[name] }
        let visitor = requests.visitor(peer: handshake.peer, isTLS: handshake.isTLS, headers: headers)
        let verdict = requests.verdict(visitor, headers: headers)
        guard verdict.isAllowed else {
            return .now(.refuse(.forbidden("this origin may not open sockets; REJOIN_ORIGINS lists those that may")))
        }
        let text: Substring?
        do throws(CookieError) {
            text = try visitor.cookie.value(in: headers("cookie"))
        } catch {
            return .now(.refuse(EngineError(code: 3, message: error.message, status: error.status)))
        }
        do throws(SessionError) {
            if let known = try quickly(text) {
                return .now(accept(known, visitor, presenting: text))
            }
        } catch {
            return .now(.refuse(.unavailable(error.message)))
        }
        return .later {
            do throws(SessionError) {
                return self.accept(
                    try await self.session(of: text, guestsToo: true), visitor, presenting: text)
            } catch {
                return .refuse(.unavailable(error.message))
            }
        }
    }

    /// What a request's cookie is worth, asking Redis where it must.
    ///
    /// - Parameter guestsToo: looks a guest's record up as well, for requests that go by its state.
    package func session(of text: Substring?, guestsToo: Bool = false) async throws(SessionError) -> RequestSession {
        guard let text, case .genuine(let credential, let isCurrent) = try await keys.read(text) else {
            // While nobody can be told to be logged in, nobody is told to be somebody else.
            guard store.isReachable else { throw SessionError(.unavailable, "redis is away") }
            return .fresh(try keys.issueGuest(), setsCookie: true)
        }
        let renewed =
            isCurrent ? nil : try keys.issue(credential.kind, handle: credential.handle, secret: credential.secret)
        if credential.kind == .guest, !guestsToo, isCurrent, isYoung(credential) {
            return .known(credential, nil, renewed: nil)
        }
        switch try await store.lookUp(credential) {
        case .dead(let replacedLately):
            return .fresh(try keys.issueGuest(), setsCookie: !replacedLately)
        case .unrecorded:
            return .known(credential, nil, renewed: renewed)
        case .found(let session):
            await slide(session)
            // An alias, or what was replaced a moment ago, is never sent again: that would undo the claim.
            if session.rights == .alias { return .known(credential, session, renewed: nil) }
            // After a logout the cookie is a guest's.
            if credential.kind == .player, !session.isLoggedIn {
                return .known(
                    credential, session,
                    renewed: try keys.issue(.guest, handle: credential.handle, secret: credential.secret))
            }
            return .known(credential, session, renewed: renewed)
        }
    }

    /// Requests keep a session alive, as sockets do.
    private func slide(_ session: Session) async {
        guard store.isTouchDue(session) else { return }
        do throws(SessionError) {
            _ = try await store.touch([SessionTouch(session.handle, slides: true)])
        } catch {
            logger.debug("session not slid", metadata: ["error": "\(error)"])
        }
    }

    /// The `Set-Cookie` for a request's session, where one is due.
    package func cookie(for session: RequestSession, _ visitor: Visitor) -> String? {
        switch session {
        case .fresh(let credential, let setsCookie):
            setsCookie ? visitor.cookie.header(credential, remaining: store.life.absolute) : nil
        case .known(_, let session, let renewed):
            renewed.flatMap { visitor.cookie.header($0, remaining: session?.remaining ?? store.life.absolute) }
        }
    }

    /// What is known without asking anybody: no credential, or a guest's that is genuine.
    private func quickly(_ text: Substring?) throws(SessionError) -> RequestSession? {
        guard let text else { return .fresh(try keys.issueGuest(), setsCookie: true) }
        guard let credential = Credential(text) else { return nil }
        guard credential.kind == .guest, isYoung(credential),
            case .valid(_, _, let isCurrent) = keys.verify(credential), isCurrent
        else { return nil }
        return .known(credential, nil, renewed: nil)
    }

    /// Whether a guest's credential counts without a record: one that was never used has none.
    private func isYoung(_ credential: Credential) -> Bool {
        credential.issued * 1000 + store.life.idle.milliseconds > store.clock.now
    }

    private func accept(
        _ session: RequestSession, _ visitor: Visitor, presenting text: Substring?
    ) -> HandshakeDecision {
        var headers: [(name: String, value: String)] = []
        if let cookie = cookie(for: session, visitor) {
            headers.append(("set-cookie", cookie))
        }
        return .accept(
            headers: headers,
            context: SessionHandshake(
                visitor: visitor, credential: session.credential,
                presented: text.flatMap { Credential($0)?.handle }))
    }
}

extension CookieError {
    /// For the developer who reads the answer.
    package var message: String {
        switch self {
        case .duplicate: "the session's cookie came twice; one is expected: clear the site's cookies"
        case .tooLarge: "the cookies are over \(CookiePolicy.maximumHeaderBytes) bytes; clear the site's cookies"
        }
    }

    /// The HTTP status.
    package var status: Int {
        switch self {
        case .duplicate: 400
        case .tooLarge: 431
        }
    }
}
