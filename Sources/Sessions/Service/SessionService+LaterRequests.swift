package import EngineIO
import NIOCore
import NIOHTTP1

/// The polling requests and upgrades of a socket that has been let in.
extension SessionService {
    /// Judges a later request of a socket: its origin, and that it does not carry another player's credential. What the
    /// socket may do does not depend on it.
    ///
    /// Many clients send a cookie with the handshake alone, so none is fine; so is whatever is worth nothing.
    package func authorize(_ request: EngineHandshake, of context: any Sendable) -> HandshakeAuthorization {
        let headers = { (name: String) in request.head.headers[name] }
        let visitor = requests.visitor(peer: request.peer, isTLS: request.isTLS, headers: headers)
        guard requests.verdict(visitor, headers: headers).isAllowed else {
            return .now(.refuse(.forbidden("this origin may not use sockets; REJOIN_ORIGINS lists those that may")))
        }
        let text: Substring?
        do throws(CookieError) {
            text = try visitor.cookie.value(in: headers("cookie"))
        } catch {
            return .now(.refuse(EngineError(code: 3, message: error.message, status: error.status)))
        }
        guard let handshake = context as? SessionHandshake, let text, let credential = Credential(text),
            credential.kind == .player, !handshake.admits(credential.handle)
        else { return Self.goesOn }
        if let replaced = replacements.session(before: credential.handle), handshake.admits(replaced) {
            handshake.admit(credential.handle)
            return Self.goesOn
        }
        switch keys.verify(credential) {
        case .valid: return Self.isAnothers
        case .forged: return Self.goesOn
        case .unknownKey: break
        }
        return .later {
            do throws(SessionError) {
                guard case .genuine = try await self.keys.read(text) else { return .accept(headers: [], context: ()) }
                return .refuse(.forbidden(Self.anothersMessage))
            } catch {
                return .refuse(.unavailable(error.message))
            }
        }
    }

    private static var goesOn: HandshakeAuthorization { .now(.accept(headers: [], context: ())) }
    private static var isAnothers: HandshakeAuthorization { .now(.refuse(.forbidden(anothersMessage))) }
    private static var anothersMessage: String { "the cookie is of another session than this socket's" }
}
