import CoreMetrics
import EngineIO
import Logging
import NIOCore
package import SocketIO

/// What a handshake was accepted with: who asks, and with which credential.
struct SessionHandshake: Sendable {
    let visitor: Visitor
    /// Verified, or made by this node with the handshake's answer.
    let credential: Credential
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
            if case .dead = opening, token != nil {
                credential = try keys.issueGuest()
                session.firstToken = credential.text
                opening = try await store.open(credential)
            }
            if case .opened(let opened) = opening {
                if let refusal = limitOfSockets(opened.handle, on: socket) { return .refuse(refusal) }
                session.identity = SocketSession.Identity(
                    handle: opened.handle, generation: opened.generation, secret: credential.secret.digest,
                    isAlias: opened.rights == .alias, expires: opened.expires)
                session.user = opened.user
                session.lastUserID = opened.lastUserID
            }
            // A cookie that died since its handshake: this socket watches without a record; a login makes one.
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
        move(socket, to: session.identity)
        let token = session.firstToken
        session.firstToken = nil
        announce(.connect, to: socket, token: token)
    }

    /// The socket is gone.
    package func disconnected(_ socket: Socket) {
        if let handle = socket.session?.identity?.handle {
            indexes[socket.eventLoop]?.remove(socket, under: handle)
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

    private func limitOfSockets(_ handle: SessionHandle, on socket: Socket) -> ConnectRefusal? {
        let count = indexes[socket.eventLoop]?.count(of: handle) ?? 0
        guard count >= configuration.socketsPerSession else { return nil }
        let failure = RequestFailure(
            .rateLimited,
            "this session has \(count) sockets already; at most \(configuration.socketsPerSession) are expected: close one")
        return ConnectRefusal(message: failure.code.rawValue, data: failure.json)
    }
}
