import Cluster
import EngineIO
import Logging
import NIOCore
import RedisClient
import Rooms
import ServiceLifecycle
import Sessions
import SocketIO
import Synchronization

/// Whether, and since when, the node is on its way out.
final class Leaving: Sendable {
    private let flag = Atomic<Bool>(false)
    let requests: AsyncStream<Void>
    private let continuation: AsyncStream<Void>.Continuation

    init() {
        (requests, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
    }

    /// Somebody asks the node to leave.
    func request() {
        continuation.yield()
    }

    func begin() {
        flag.store(true, ordering: .releasing)
    }

    var isLeaving: Bool { flag.load(ordering: .acquiring) }
}

/// Whether the other nodes know where this one is.
final class Announcement: Sendable {
    private let flag = Atomic<Bool>(false)

    func made() {
        flag.store(true, ordering: .releasing)
    }

    var isMade: Bool { flag.load(ordering: .acquiring) }
}

/// Where the two listeners ended up, once they are bound.
final class NodeListeners: Sendable {
    private let ports = Mutex<(public: Int?, admin: Int?)>((nil, nil))

    func bound(public port: Int) {
        ports.withLock { $0.public = port }
    }

    func bound(admin port: Int) {
        ports.withLock { $0.admin = port }
    }

    var both: (public: Int, admin: Int)? {
        ports.withLock { ports in
            if let `public` = ports.public, let admin = ports.admin { (`public`, admin) } else { nil }
        }
    }
}

/// Says when the node is ready: it listens, hears itself, and can sign.
struct ReadyService: Service {
    let parts: NodeParts
    let listeners: NodeListeners
    let onReady: @Sendable (NodeAddress) -> Void

    func run() async throws {
        do {
            try await cancelWhenGracefulShutdown { try await self.announceAndWait() }
        } catch is CancellationError {
            // The shutdown ends the wait.
        }
    }

    private func announceAndWait() async throws {
        let node = self.parts.configuration.node
        let ports = try await self.waiting { self.listeners.both }
        let advertised = node.advertise?.description ?? Self.authority(node.host, ports.public)
        self.parts.cluster.advertise(
            address: advertised, isTLS: parts.tls != nil, adminAddress: Self.authority(node.adminHost, ports.admin))
        try await self.waiting { self.parts.inability == nil ? () : nil }
        // Whoever reads that the node is ready finds it so in the registry, and every other node knows where it is: they
        // pass on what is meant for it.
        parts.cluster.renew()
        try await self.waiting { self.parts.cluster.node(self.parts.name)?.state == .ready ? () : nil }
        await parts.cluster.announce()
        parts.announcement.made()
        await warnOfEviction()
        self.onReady(
            NodeAddress(
                name: self.parts.name.description,
                url: (parts.tls == nil ? "http://" : "https://") + Self.authority(node.host, ports.public),
                adminURL: "http://" + Self.authority(node.adminHost, ports.admin)))
        self.parts.logger.info("node is ready")
        while true {
            try await Task.sleep(for: .seconds(3_600))
        }
    }

    /// A session or a room that Redis throws away is lost, and nothing says so.
    private func warnOfEviction() async {
        var settings = RedisSettings()
        // Without an answer there is nothing to warn of, and others notice that Redis is away.
        if let text = try? await parts.redis.send("INFO", ["memory"]).string { settings.read(info: text) }
        guard let policy = settings.info["maxmemory_policy"], policy != "noeviction" else { return }
        parts.logger.warning(
            "redis throws sessions and rooms away when its memory is short",
            metadata: ["maxmemory-policy": "\(policy)", "advice": "CONFIG SET maxmemory-policy noeviction"])
    }

    private func waiting<Value>(_ value: () -> Value?) async throws -> Value {
        var told: String?
        let begin = ContinuousClock.now
        while true {
            if let value = value() { return value }
            // A node that waits says for what, once a reason.
            if begin.duration(to: .now) > .seconds(2), let reason = parts.unreadiness, reason != told {
                parts.logger.warning("node is not ready", metadata: ["reason": "\(reason)"])
                told = reason
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// `HOST:PORT`, IPv6 in brackets.
    static func authority(_ host: String, _ port: Int) -> String {
        host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}

/// The last service: the first to hear of a shutdown. Sends the sockets away before anything below them stops.
struct DrainService: Service {
    let parts: NodeParts

    func run() async throws {
        try await gracefulShutdown()
        parts.leaving.begin()
        parts.cluster.startDraining()
        parts.rooms.pauseTicking()
        let time = parts.configuration.node.drain
        let notice = min(.seconds(1), time / 10)
        parts.logger.info("node is draining", metadata: ["sockets": "\(parts.server.counters.sockets.value)"])
        var writer = JSONObjectWriter()
        writer.member("retryAfter", int: Int(notice.wholeMilliseconds))
        parts.sockets.broadcast(EncodedMessage(event: "drain", argument: writer.finish().buffer))
        // Load balancers see that the node is not ready before its clients look for another one.
        do {
            try await Task.sleep(for: notice)
        } catch {
            parts.logger.info("drain cut short")
        }
        await parts.server.engine.drain(within: max(.zero, time * 4 / 5 - notice), reason: .transportClose)
        parts.logger.info("node has drained")
    }
}

/// Where a room's events go: the sockets of this node.
struct SocketAudience: RoomAudience {
    let sockets: Namespace

    func broadcast(
        event: String, argument: ByteBuffer, to room: RoomName, except socket: String?,
        on eventLoops: [any EventLoop]?, completion: BroadcastCompletion?
    ) {
        sockets.broadcastVolatile(
            EncodedMessage(event: event, argument: argument), to: room.string, except: socket.map { SocketID($0) },
            on: eventLoops, completion: completion)
    }
}
