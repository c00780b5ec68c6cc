import CoreMetrics
import NIOCore
package import SocketIO

/// Which of a user's sessions is to end.
package enum DeviceChoice: Sendable {
    case one(SessionHandle)
    /// All but the one that asks.
    case others

    /// - Throws: `bad_request` for anything but `{"handle"}` or `{"others":true}`.
    package init(_ body: JSONBytes) throws(RequestFailure) {
        switch (body["handle"], body["others"]) {
        case (let handle?, nil):
            guard let handle = handle.string.flatMap({ SessionHandle($0) }) else {
                throw RequestFailure(.badRequest, "handle: one of those that the list of devices tells is expected")
            }
            self = .one(handle)
        case (nil, let others?) where others.bool == true:
            self = .others
        default:
            throw RequestFailure(.badRequest, "either a handle or \"others\": true is expected")
        }
    }
}

/// A user's own sessions: where they are logged in, and ending them.
extension SessionService {
    /// `"devices":[{handle, created, seen, client, address, current}, …]`, the oldest login first, at most 1,000.
    ///
    /// - Throws: `rate_limited` when the user had too many lists of this node.
    package func devices(of login: SessionGuard) async throws(RequestFailure) -> JSONBytes {
        if let wait = listings.take(login.userID) {
            counters.refusedListings.increment()
            throw RequestFailure(
                .rateLimited,
                "for a user's lists of devices \(listings.perSecond) sessions a second are looked at"
                    + " (\(listings.burst) at once); ask again after retryAfter",
                retryAfter: wait)
        }
        let records = try await serving { () async throws(SessionError) in
            try await self.store.records(of: login.userID)
        }
        listings.listed(records.count, of: login.userID)
        return JSONBytes(
            elements: records.map { record in
                var writer = JSONObjectWriter()
                writer.member("handle", string: record.handle.description)
                writer.member("created", int: record.created)
                writer.member("seen", int: record.seen)
                writer.member("client", string: record.client)
                writer.member("address", string: record.address)
                writer.member("current", bool: record.handle == login.handle)
                return writer.finish()
            })
    }

    /// Ends sessions of the user who asks; the one that asks is logged out and keeps its record.
    ///
    /// - Throws: `bad_request` when none of the user's sessions has the handle.
    package func end(_ choice: DeviceChoice, of login: SessionGuard) async throws(RequestFailure) -> Confirmation {
        switch choice {
        case .others:
            return try await endAll(of: login.userID, sparing: login.handle)
        case .one(login.handle):
            return try await logOut(login)
        case .one(let handle):
            let ended = try await serving { () async throws(SessionError) in
                try await self.store.revoke(handle, of: login.userID)
            }
            guard let ended else {
                throw RequestFailure(
                    .badRequest, "handle: none of your sessions has it; the list of devices tells them")
            }
            return await tellEnded([SessionEnding(ended)], .revoked)
        }
    }

    nonisolated(nonsending) func devices(on socket: Socket) async throws(RequestFailure) -> Reply {
        let devices = try await devices(of: try await liveLogin(of: socket))
        return Reply { $0.member("devices", json: devices) }
    }

    nonisolated(nonsending) func endDevice(_ body: JSONBytes, on socket: Socket) async throws(RequestFailure) -> Reply {
        let choice = try DeviceChoice(body)
        let login = try await liveLogin(of: socket)
        return try await changing(socket) { () async throws(RequestFailure) in
            try await self.end(choice, of: login)
        }
    }

    /// A socket's login, compared with its record: no act's script does it here.
    private nonisolated(nonsending) func liveLogin(of socket: Socket) async throws(RequestFailure) -> SessionGuard {
        let login = try Self.login(of: socket)
        let state = try await serving { () async throws(SessionError) in
            try await self.store.touch([SessionTouch(login.handle, slides: false)]).first
        }
        guard let state, state.holds(login) else {
            if let state { apply(state, to: socket, login) }
            throw RequestFailure(.loginRequired, "the session is not logged in any more; log in again")
        }
        return login
    }
}
