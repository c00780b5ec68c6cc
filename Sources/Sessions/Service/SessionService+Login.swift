import Accounts
import CoreMetrics
import Logging
import NIOCore
package import SocketIO

/// The session events of a socket: `login`, `register`, `logout`, and those of its devices.
extension SessionService {
    /// Answers one event; `nil` when it is none of a session's.
    package nonisolated(nonsending) func handle(
        _ name: String, _ body: JSONBytes, on socket: Socket
    ) async throws(RequestFailure) -> Reply? {
        switch name {
        case "login": try await logIn(body, on: socket)
        case "register": try await register(body, on: socket)
        case "logout": try await logOut(body, on: socket)
        case "devices": try await devices(on: socket)
        case "endDevice": try await endDevice(body, on: socket)
        default: nil
        }
    }

    // MARK: Login

    private nonisolated(nonsending) func logIn(_ body: JSONBytes, on socket: Socket) async throws(RequestFailure)
        -> Reply
    {
        let session = try Self.session(of: socket)
        let login = try LoginRequest(body)
        let verified = try await verify(
            login, from: session.visitor, browser: session.identity?.handle, lastLogin: session.lastLogin)
        return try await enter(verified, on: socket)
    }

    private nonisolated(nonsending) func register(
        _ body: JSONBytes, on socket: Socket
    ) async throws(RequestFailure) -> Reply {
        let session = try Self.session(of: socket)
        let password = try PasswordLogin(body)
        return try await enter(try await register(password, from: session.visitor), on: socket)
    }

    /// Makes a socket a player's: its session changes its secret, and the socket stays open.
    private nonisolated(nonsending) func enter(
        _ verified: VerifiedUser, on socket: Socket
    ) async throws(RequestFailure) -> Reply {
        let session = try Self.session(of: socket)
        if session.user != nil {
            // Somebody was logged in here: that login ends first, everywhere.
            _ = try await end(socket)
        }
        let result: SessionLoginResult
        do throws(SessionError) {
            result = try await store.logIn(
                SessionLogin(
                    place: session.place, user: verified.user, userGeneration: verified.generation,
                    delivery: session.mode == .token ? .atOnce : .ticket, client: session.visitor.client,
                    address: session.visitor.address.description))
        } catch {
            throw failure(error)
        }
        guard case .loggedIn(let login) = result,
            recentEndings.ending(of: login.loginGuard.handle, generation: login.loginGuard.generation) == nil
        else { throw Self.endedMeanwhile }
        guard socket.isConnected else {
            // Nobody will ever have what proves this login.
            _ = try await logOut(login.loginGuard)
            throw Self.endedMeanwhile
        }
        counters.logins.increment()
        var identity = SocketSession.Identity(
            handle: login.loginGuard.handle, generation: login.loginGuard.generation, secret: nil, isAlias: false,
            expires: login.expires)
        let reply: Reply
        switch login.proof {
        case .ticket(let ticket):
            reply = Reply {
                $0.member("user", json: verified.user.json)
                $0.member("ticket", string: ticket.text)
            }
        case .secret(let secret):
            identity.secret = secret.digest
            let credential: Credential
            do throws(SessionError) {
                credential = try keys.issue(.player, handle: login.loginGuard.handle, secret: secret)
            } catch {
                throw failure(error)
            }
            reply = Reply {
                $0.member("user", json: verified.user.json)
                $0.member("token", string: credential.text)
            }
        }
        setUser(verified.user, of: socket)
        session.lastLogin = LastLogin(userID: verified.user.id, userGeneration: verified.generation)
        move(socket, to: identity)
        announce(.login, to: socket)
        if session.mode == .token, login.isInPlace {
            await tellRefresh(login.loginGuard)
        }
        await endSurplus(login.loginGuard)
        return reply
    }

    /// Ends a user's oldest sessions where only so many are allowed.
    func endSurplus(_ login: SessionGuard) async {
        guard configuration.sessionsPerUser > 0 else { return }
        do throws(SessionError) {
            let ended = try await store.endOldest(
                of: login.userID, keeping: configuration.sessionsPerUser, sparing: login.handle)
            if !ended.sessions.isEmpty { _ = await tellEnded(ended.sessions.map(SessionEnding.init), .replaced) }
            _ = try ended.get()
        } catch {
            logger.warning("a user's oldest sessions were not ended", metadata: ["error": "\(error)"])
        }
    }

    // MARK: Logout

    private nonisolated(nonsending) func logOut(_ body: JSONBytes, on socket: Socket) async throws(RequestFailure)
        -> Reply
    {
        let everywhere = try Self.flag("everywhere", in: body)
        let login = try Self.login(of: socket)
        return try await changing(socket) { () async throws(RequestFailure) in
            // The others first: what fails is repeated by somebody who is still logged in.
            let others = everywhere ? try await self.endAll(of: login.userID, sparing: login.handle) : nil
            var confirmation = try await self.end(socket)
            if let others { confirmation.add(others) }
            return confirmation
        }
    }

    /// Ends sessions for a socket, which is told that it is still logged in when that could not be done.
    nonisolated(nonsending) func changing(
        _ socket: Socket, _ end: nonisolated(nonsending) () async throws(RequestFailure) -> Confirmation
    ) async throws(RequestFailure) -> Reply {
        do throws(RequestFailure) {
            let confirmation = try await end()
            return Reply { $0.member(confirmation) }
        } catch {
            if error.code == .unavailable { announce(.unavailable, to: socket) }
            throw error
        }
    }

    /// Logs a socket's session out, on every node.
    nonisolated(nonsending) func end(_ socket: Socket) async throws(RequestFailure) -> Confirmation {
        guard let session = socket.session, let login = session.loginGuard else {
            return Confirmation(sockets: 0, nodes: 0, missing: [])
        }
        let confirmation = try await logOut(login)
        if session.loginGuard == login {
            // It is in no index: its connection is on its way out.
            turnToWatcher(socket, .logout, keeping: nil)
        }
        return confirmation
    }

    /// Logs a session out; effective everywhere once this returns, whatever the bus does.
    package func logOut(_ login: SessionGuard) async throws(RequestFailure) -> Confirmation {
        do throws(SessionError) {
            let outcome = try await store.logOut(login)
            counters.logouts.increment()
            let next: Int?
            if case .done(let generation) = outcome {
                next = generation
            } else if case .live(let generation, nil, _, _)? = try await store.touch([
                .init(login.handle, slides: false)
            ]).first {
                next = generation  // another socket of the session was faster
            } else {
                next = nil
            }
            return await tellEnded(
                [SessionEnding(handle: login.handle, generation: login.generation, next: next)], .logout)
        } catch {
            throw failure(error)
        }
    }

    /// Ends all sessions of a user, and every login of it that is on its way.
    package func endAll(
        of userID: String, sparing handle: SessionHandle?
    ) async throws(RequestFailure) -> Confirmation {
        do throws(SessionError) {
            let ended = try await store.endAll(of: userID, sparing: handle)
            // Also when some are left: what has ended must be told, or a Redis from before could bring it back.
            let confirmation = await tellEnded(ended.sessions.map(SessionEnding.init), .revoked)
            _ = try ended.get()
            return confirmation
        } catch {
            throw failure(error)
        }
    }

    // MARK: A socket whose session ended unnoticed

    /// Looks up a socket's session after an act was refused, and turns the socket to a watcher if its login is over.
    package nonisolated(nonsending) func verify(_ socket: Socket) async {
        guard let login = socket.session?.loginGuard else { return }
        do throws(SessionError) {
            let state = try await store.touch([SessionTouch(login.handle, slides: false)])
            if let state = state.first {
                apply(state, to: socket, login)
            }
        } catch {
            logger.debug("session not verified", metadata: ["error": "\(error)"])
        }
    }

    /// Brings a socket in line with what its record is now.
    ///
    /// - Parameters:
    ///   - state: read after the socket knew of `login`.
    ///   - login: what the socket was by when the record was asked for.
    func apply(_ state: SessionState, to socket: Socket, _ login: SessionGuard?) {
        guard let session = socket.session, session.loginGuard == login, var identity = session.identity else { return }
        switch state {
        case .asKnown:
            break
        case .gone:
            turnToWatcher(socket, store.clock.now >= identity.expires ? .expired : .revoked, keeping: nil)
        case .live(let generation, let userID, let expires, let isClaimed):
            identity.expires = expires
            if login == nil, !identity.isAlias, generation > identity.generation {
                // It was not told of a login in its session.
                if userID != nil, isClaimed { return turnToAlias(socket, upTo: generation) }
                identity.isSuperseded = userID != nil
            }
            guard let login, !state.holds(login) else {
                session.identity = identity
                return
            }
            // Redis has come back as it was before this login: what the socket knows of the record is nothing.
            guard generation >= login.generation else { return turnToWatcher(socket, .revoked, keeping: nil) }
            identity.generation = generation
            turnToWatcher(socket, .logout, keeping: identity)
        }
    }

    // MARK: Reading

    static func login(of socket: Socket) throws(RequestFailure) -> SessionGuard {
        guard let login = socket.session?.loginGuard else {
            throw RequestFailure(.loginRequired, "nobody is logged in on this socket")
        }
        return login
    }

    private static func session(of socket: Socket) throws(RequestFailure) -> SocketSession {
        guard let session = socket.session else {
            throw RequestFailure(.internal, "this socket has no session")
        }
        return session
    }

    private static func flag(_ name: String, in body: JSONBytes) throws(RequestFailure) -> Bool {
        guard let value = body[name] else { return false }
        guard let flag = value.bool else {
            throw RequestFailure(.badRequest, "\(name): true or false is expected")
        }
        return flag
    }

    static let endedMeanwhile = RequestFailure(
        .invalidCredentials, "this account's sessions were ended while the login was verified; log in again")
}

extension JSONObjectWriter {
    /// `"sockets":S,"nodes":N,"missing":[…],"replicated"?:B`
    package mutating func member(_ confirmation: SessionService.Confirmation) {
        member("sockets", int: confirmation.sockets)
        member("nodes", int: confirmation.nodes)
        member("missing", json: JSONBytes(elements: confirmation.missing.map { JSONBytes(string: $0) }))
        if let replicated = confirmation.replicated { member("replicated", bool: replicated) }
    }
}
