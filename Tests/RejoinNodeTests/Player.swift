import FoundationEssentials
import NIOCore
import NIOPosix
import SocketIOClient
import TestSupport

/// A socket as a game's client uses it, with everything that it was told.
final class Player {
    struct Session: Decodable, Equatable {
        struct User: Decodable, Equatable {
            let id: String
            let name: String
        }
        let login: Bool
        let user: User?
        let node: String
        let reason: String
        let token: String?
    }

    struct Patch: Decodable, Equatable {
        let from: Int
        let version: Int
        let set: [String: Int]
        let del: [String]
    }

    struct RoomPatch: Decodable, Equatable {
        let epoch: String
        let from: Int
        let version: Int
        let set: [String: Int]
    }

    struct Joined: Decodable, Equatable {
        let ok: Bool
        let epoch: String
        let version: Int
        let state: [String: Int]?
        let patches: [Patch]?
    }

    struct Acted: Decodable, Equatable {
        let ok: Bool
        let version: Int?
        let error: String?
    }

    struct LoggedIn: Decodable {
        let ok: Bool
        let token: String?
        let message: String?
    }

    struct Drain: Decodable {
        let retryAfter: Int
    }

    let client: SocketIOClient
    let session: Session
    private var events: AsyncStream<SocketIOEvent>.Iterator

    /// Connects in token mode, and reads the first `session` event.
    init(_ node: NodeProcess, token: String? = nil) async throws {
        let auth = token.map { "{\"token\":\"\($0)\"}" } ?? "{\"token\":null}"
        self.client = try await SocketIOClient.connect(
            .init(url: node.url, auth: auth), on: MultiThreadedEventLoopGroup.singleton.any())
        self.events = self.client.events.makeAsyncIterator()
        var session: Session?
        while session == nil, let event = await self.events.next(isolation: #isolation) {
            if event.name == "session" { session = try event.decode() }
        }
        guard let session else { throw TestSupportError("closed without a session event") }
        self.session = session
    }

    /// The next event of a name; what comes before it is passed over.
    func next<Event: Decodable>(_ name: String, as type: Event.Type = Event.self) async throws -> Event {
        while let event = await self.events.next(isolation: #isolation) {
            if event.name == name { return try event.decode() }
        }
        throw TestSupportError("closed before the event \(name)")
    }

    /// The patches from the next one up to a version.
    func patches(upTo version: Int) async throws -> [RoomPatch] {
        var patches: [RoomPatch] = []
        while (patches.last?.version ?? 0) < version { patches.append(try await self.next("patch")) }
        return patches
    }

    /// - Returns: The token of the new account's session.
    func register(_ name: String) async throws -> String {
        let answer: LoggedIn = try await self.call(
            "register", "{\"username\":\"\(name)\",\"password\":\"correct horse battery\"}")
        guard let token = answer.token else { throw TestSupportError("not registered: \(answer.message ?? "")") }
        return token
    }

    func join(_ room: String, since: (epoch: String, version: Int)? = nil) async throws -> Joined {
        let since = since.map { ",\"since\":{\"epoch\":\"\($0.epoch)\",\"version\":\($0.version)}" } ?? ""
        return try await self.call("join", "{\"room\":\"\(room)\"\(since)}")
    }

    func act(_ room: String, id: String, set field: String, to value: Int) async throws -> Acted {
        try await self.call(
            "act", "{\"room\":\"\(room)\",\"id\":\"\(id)\",\"action\":{\"set\":{\"\(field)\":\(value)}}}")
    }

    private func call<Answer: Decodable>(_ event: String, _ json: String) async throws -> Answer {
        try Self.decode(try await self.client.call(event, json, timeout: .seconds(10)))
    }

    private static func decode<T: Decodable>(_ json: String) throws -> T {
        do {
            return try JSONDecoder().decode(T.self, from: Data(json.utf8))
        } catch {
            throw TestSupportError("\(json): \(error)")
        }
    }
}
