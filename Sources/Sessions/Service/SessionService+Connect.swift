import CoreMetrics
import EngineIO
import Logging
import NIOCore
package import SocketIO
import Synchronization

/// What a handshake was accepted with: who asks, and with which credential.
final class SessionHandshake: Sendable {
    let visitor: Visitor
    /// Verified, or made by this node with the handshake's answer.
    let credential: Credential
    /// The sessions whose credentials may come with later requests: the one that was presented, the one that took its
    /// place, and those that the socket moved to. One, mostly.
    private let handles: Mutex<[SessionHandle]>

    init(visitor: Visitor, credential: Credential, presented: SessionHandle?) {
        self.visitor = visitor
        self.credential = credential
        let first = [credential.handle]
        handles = Mutex(presented.map { $0 == credential.handle ? first : first + [$0] } ?? first)
    }

    func admits(_ handle: SessionHandle) -> Bool { handles.withLock { $0.contains(handle) } }

    func admit(_ handle: SessionHandle) {
        handles.withLock { if !$0.contains(handle) { $0.append(handle) } }
    }
}

extension SessionService {
    /// Opens the session of a socket that asks to CONNECT.
    package nonisolated(nonsending) func connect(_ socket: Socket, auth: JSONBytes?) async -> ConnectDecision {
        guard let handshake = socket.context as? SessionHandshake else { return .retry }
        let token = auth?["token"]
        let session = SocketSession(
            mode: token == nil ? .cookie : .token, visitor: handshake.visitor,
            bucket: TokenBucket(
                perSecond: configuration.messagesPerSecond, burst: configuration.messageBurst, now: .now()))
        do throws(SessionError) {
            var credential = handshake.credential
            var isFresh = false
            if let token {
                (credential, isFresh) = try await read(token: token)
                // Signed by a key that has been replaced, or made here: the client gets the one to use from now on.
                if isFresh { session.firstToken = credential.text }
            }
            var opening = try await store.open(credential)
            if case .dead = opening {
                // A fresh guest takes its place; in cookie mode for this socket only, until a login brings a cookie.
                credential = try keys.issueGuest()
                if token != nil { session.firstToken = credential.text }
                opening = try await store.open(credential)
            }
            guard case .opened(let opened) = opening else { return .retry }
            let isAlias = opened.rights == .alias
            session.seat = seats.take(opened.handle, isAlias: isAlias, limit: configuration.socketsPerSession)
            guard session.seat != nil,
                !(await isOverLimit(opened.handle, isAlias: isAlias, count: opened.sockets))
            else { return .refuse(tooManySockets) }
            session.user = opened.user
            session.lastLogin = opened.lastLogin
            session.identity = SocketSession.Identity(
                handle: opened.handle, generation: opened.generation, secret: credential.secret.digest,
                isAlias: opened.rights == .alias, expires: opened.expires)
            socket.storage = session
            counters.opened.increment()
            return .accept
        } catch {
            logger.debug("session not opened", metadata: ["error": "\(error)"])
            return .retry
        }
    }

    /// The CONNECT has been answered.
    package func connected(_ socket: Socket) {
        guard let session = socket.session else { return }
        judge(session)
        move(socket, to: session.identity)
        let token = session.firstToken
        session.firstToken = nil
        announce(.connect, to: socket, token: token)
    }

    /// The socket is gone.
    package func disconnected(_ socket: Socket) {
        guard let session = socket.session else { return }
        if let handle = session.identity?.handle {
            indexes[socket.eventLoop]?.remove(socket, under: handle)
        }
        session.seat = nil
    }

    /// Corrects what a socket knows of the record it opened by what was heard while that was under way. To be done in the
    /// turn of the event loop from which on the socket hears for itself.
    private func judge(_ session: SocketSession) {
        guard var identity = session.identity,
            let ending = recentEndings.ending(of: identity.handle, generation: identity.generation)
        else { return }
        guard let next = ending.next else {
            session.user = nil
            session.seat = nil
            session.identity = nil
            return
        }
        if session.user != nil {
            session.user = nil
            identity.generation = next
            session.identity = identity
        }
    }

    /// The credential of a token, or a fresh guest's where it is `null` or worthless.
    private nonisolated(nonsending) func read(
        token: JSONBytes
    ) async throws(SessionError) -> (credential: Credential, isFresh: Bool) {
        if let text = token.string, case .genuine(let credential, let isCurrent) = try await keys.read(text) {
            if isCurrent { return (credential, false) }
            let renewed = try keys.issue(credential.kind, handle: credential.handle, secret: credential.secret)
            return (renewed, true)
        }
        return (try keys.issueGuest(), true)
    }

    private var tooManySockets: ConnectRefusal {
        let failure = RequestFailure(
            .rateLimited,
            "a session may have \(configuration.socketsPerSession) sockets; close one of them first")
        return ConnectRefusal(message: failure.code.rawValue, data: failure.json)
    }
}
