import Logging
import NIOCore
import NIOPosix
import RedisClient
import Rooms
import ServiceLifecycle
import SocketIO
import Synchronization
import TestSupport

/// The rooms of one node on a real Redis, with one client that is in every room.
struct RoomNode: Sendable {
    let rooms: Rooms
    let redis: RedisClient
    let watcher: Watcher

    /// Runs a node while `body` runs.
    static func run<R: Sendable>(
        on server: RedisServer, games: GameCatalog = GameCatalog(), limits: RoomLimits = RoomLimits(),
        eventLoops: [any EventLoop]? = nil, nodes: RoomNodes = .alone, _ body: (RoomNode) async throws -> R
    ) async throws -> R {
        let configuration = try RedisConfiguration(url: server.url)
        var logger = Logger(label: "rooms")
        logger.logLevel = .critical
        let group = MultiThreadedEventLoopGroup.singleton
        let redis = RedisClient(configuration: configuration, eventLoop: group.next(), logger: logger)
        let subscriber = RedisSubscriber(configuration: configuration, eventLoop: group.next(), logger: logger)
        let watcher = Watcher(eventLoop: group.next())
        let rooms = Rooms(
            redis: redis, subscriber: subscriber, prefix: "rejoin:", games: games, limits: limits,
            eventLoops: eventLoops ?? [group.next(), group.next()], audience: watcher, nodes: nodes,
            logger: logger)
        return try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await redis.run() }
            tasks.addTask { try await subscriber.run() }
            tasks.addTask { try await rooms.run() }
            try await redis.waitUntilConnected(timeout: .seconds(5))
            try await eventually { subscriber.isConnected }
            let result = try await body(RoomNode(rooms: rooms, redis: redis, watcher: watcher))
            tasks.cancelAll()
            return result
        }
    }

    /// A session that may act.
    func login(_ userID: String, generation: Int = 1) async throws -> SessionGuard {
        _ = try await redis.send(
            "HSET",
            [
                .string("rejoin:session:{h-\(userID)}"), "user", .string(userID), "login", "1", "gen",
                .integer(generation), "name", .string(userID),
            ])
        return SessionGuard(handle: "h-\(userID)", generation: generation, userID: userID)
    }

    /// Enters as the node's client.
    @discardableResult
    func enter(_ room: RoomName, since: RoomPosition? = nil) async throws -> JSONBytes {
        try await watcher.enter(room, of: rooms, since: since)
    }

    func act(_ room: RoomName, _ id: String, _ action: String, as session: SessionGuard) async throws -> ActResult {
        guard let id = ActID(id) else { throw TestSupportError("\(id) is no act id") }
        return await rooms.act(
            room, id: id, action: try parsed(action),
            by: Player(userID: session.userID, name: session.userID), guard: session)
    }

    /// Waits until the node's client has the room as Redis has it.
    func settles(_ room: RoomName, fileID: String = #fileID, line: Int = #line) async throws {
        try await eventually("the client has \(room) as redis has it", fileID: fileID, line: line) {
            guard let stored = try? await redis.send("HGETALL", [.string("rejoin:room:{\(room)}")]).array else {
                return false
            }
            var fields: [String: String] = [:]
            for index in stride(from: 0, to: stored.count - 1, by: 2) {
                fields[stored[index].string ?? ""] = stored[index + 1].string ?? ""
            }
            guard let seen = watcher.room(room) else { return false }
            let content = fields.filter { $0.key.utf8.first != 0 }.mapValues {
                $0.split(separator: ":", maxSplits: 1).last.map(String.init) ?? ""
            }
            return seen.epoch == fields["\0e"] ?? "" && "\(seen.version)" == fields["\0v"] ?? "0"
                && seen.fields == content
        }
    }
}

func parsed(_ text: String) throws -> JSONBytes {
    try JSONBytes(validating: ByteBuffer(string: text))
}

extension ActResult {
    var version: Int? {
        if case .applied(let version) = self { version } else { nil }
    }

    var refusal: Refusal.Code? {
        if case .refused(let refusal) = self { refusal.code } else { nil }
    }
}

/// A client that follows rooms as the contract says, and complains of what no client may see. It hears on an event loop
/// of its own, as sockets do.
final class Watcher: RoomAudience {
    struct Room: Sendable, Equatable {
        var epoch = ""
        var version = 0
        var fields: [String: String] = [:]
        /// (epoch, version) after each event.
        var history: [RoomPosition] = []
        var patches = 0
        var states = 0
    }

    private struct State {
        var rooms: [RoomName: Room] = [:]
        var complaints: [String] = []
        var casts: [(argument: String, except: String?)] = []
        var presence: [String] = []
        /// What was seen at each position of each room.
        var contents: [String: [String: String]] = [:]
        /// Patches that are still on their way to sockets; nil: none is kept back.
        var underWay: [BroadcastCompletion]?
    }

    private let state = Mutex(State())
    private let eventLoop: any EventLoop

    init(eventLoop: any EventLoop) {
        self.eventLoop = eventLoop
    }

    /// From now on patches are heard, but stay on their way to other sockets.
    func holdPatches() {
        state.withLock { $0.underWay = [] }
    }

    /// All patches have reached all sockets.
    func releasePatches() {
        let released = state.withLock { $0.underWay.take() }
        withExtendedLifetime(released) {}
    }

    func enter(_ room: RoomName, of rooms: Rooms, since: RoomPosition?) async throws -> JSONBytes {
        try await rooms.enter(room, since: since) { answer in
            self.eventLoop.execute { self.joined(room, answer) }
        }.object
    }

    func room(_ name: RoomName) -> Room? { state.withLock { $0.rooms[name] } }
    var complaints: [String] { state.withLock { $0.complaints } }
    var casts: [(argument: String, except: String?)] { state.withLock { $0.casts } }

    /// The arguments of `presence` events to the room.
    var presence: [String] { state.withLock { $0.presence } }

    private func joined(_ name: RoomName, _ answer: JoinAnswer) {
        let object = answer.object
        state.withLock { state in
            if object["state"] != nil {
                Self.take(object, as: name, &state)
            } else {
                for patch in object["patches"]?.elements() ?? [] {
                    Self.apply(patch, epoch: answer.epoch, to: name, &state)
                }
            }
        }
    }

    func broadcast(
        event: String, argument: ByteBuffer, to room: RoomName, except socket: String?,
        on eventLoops: [any EventLoop]?, completion: BroadcastCompletion?
    ) {
        eventLoop.execute {
            // Before it is counted: whoever sees it may release it.
            if let completion { self.state.withLock { $0.underWay?.append(completion) } }
            self.heard(event, argument, in: room, except: socket)
        }
    }

    private func heard(_ event: String, _ argument: ByteBuffer, in room: RoomName, except socket: String?) {
        state.withLock { state in
            guard let object = try? JSONBytes(validating: argument), object["room"]?.string == room.string else {
                state.complaints.append("\(event): \(String(buffer: argument))")
                return
            }
            switch event {
            case "cast":
                state.casts.append((String(buffer: argument), socket))
            case "state":
                state.rooms[room]?.states += 1
                Self.take(object, as: room, &state)
            case "presence":
                state.presence.append(String(buffer: argument))
            case "patch":
                state.rooms[room]?.patches += 1
                Self.apply(object, epoch: object["epoch"]?.string ?? "?", to: room, &state)
            default:
                state.complaints.append(event)
            }
        }
    }

    private static func take(_ object: JSONBytes, as name: RoomName, _ state: inout State) {
        var room = state.rooms[name] ?? Room()
        let epoch = object["epoch"]?.string ?? "?"
        let version = object["version"]?.int ?? -1
        if epoch == room.epoch, version < room.version { state.complaints.append("back to \(version) in \(epoch)") }
        room.epoch = epoch
        room.version = version
        room.fields = Dictionary(
            uniqueKeysWithValues: object["state"]?.members()?.map { ($0.key, String(buffer: $0.value.buffer)) } ?? [])
        saw(room, name, &state)
    }

    private static func apply(_ patch: JSONBytes, epoch: String, to name: RoomName, _ state: inout State) {
        guard var room = state.rooms[name] else { return }
        // The first act of a room that was never acted on.
        if room.epoch.isEmpty, patch["from"]?.int == 0 { room.epoch = epoch }
        guard let from = patch["from"]?.int, let version = patch["version"]?.int, from < version, epoch == room.epoch
        else {
            state.complaints.append("\(room.epoch) got \(String(buffer: patch.buffer))")
            return
        }
        if version <= room.version { return }
        guard from <= room.version else {
            state.complaints.append("hole from \(room.version) to \(from)")
            return
        }
        for (name, value) in patch["set"]?.members() ?? [] { room.fields[name] = String(buffer: value.buffer) }
        for name in patch["del"]?.elements() ?? [] { room.fields[name.string ?? ""] = nil }
        room.version = version
        saw(room, name, &state)
    }

    private static func saw(_ room: Room, _ name: RoomName, _ state: inout State) {
        var room = room
        let position = RoomPosition(epoch: room.epoch, version: room.version)
        room.history.append(position)
        state.rooms[name] = room
        let place = "\(name) \(position.epoch) \(position.version)"
        if let before = state.contents[place], before != room.fields {
            state.complaints.append("other content at \(place)")
        }
        state.contents[place] = room.fields
    }
}
