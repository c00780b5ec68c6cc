import Logging
import NIOCore
public import RedisClient
public import SocketIO
import Synchronization

/// Connection state recovery over Redis: a log for each room, with one order of a whole namespace, and a hash for each
/// socket.
///
/// The order's epoch is bound to Redis's replication id: after a failover, or a restart from an old snapshot, clients start
/// anew rather than miss what Redis has lost.
public final class RedisRecoveryStore: RecoveryStore {
    /// Writes that go into one script, and bytes of messages.
    private static let mostWrites = 256
    private static let mostBytes = 1_048_576
    /// What a client may have missed at most, in bytes.
    private static let mostMissedBytes = 4_194_304

    private let redis: RedisClient
    private let subscriber: RedisSubscriber
    private let prefix: String
    private let listeners = Mutex<[@Sendable (RecoveryEvent) -> Void]>([])

    /// - Parameters:
    ///   - redis: for commands.
    ///   - subscriber: for the channels of the namespaces.
    ///   - prefix: before every key and channel; no braces.
    public init(redis: RedisClient, subscriber: RedisSubscriber, prefix: String = "rejoin:") {
        self.redis = redis
        self.subscriber = subscriber
        self.prefix = prefix
    }

    /// What was published may have been missed: see ``Cluster/onHearingAgain(_:)``.
    public func missedMessages() {
        // On the subscriber's event loop, where everything else is heard.
        subscriber.eventLoop.execute {
            for hear in self.listeners.withLock({ $0 }) { hear(.missed) }
        }
    }

    public func listen(
        namespace: String, _ hear: @escaping @Sendable (RecoveryEvent) -> Void
    ) async throws(AdapterError) {
        let keys = RecoveryKeys(prefix: prefix, namespace: namespace)
        let listener = RecoveryListener(hear: hear)
        do {
            try await subscriber.subscribe(.plain(keys.order)) { listener.heard($0) }
        } catch {
            throw AdapterError(.unavailable, "cannot subscribe: \(error.message)", underlying: error)
        }
        listeners.withLock { $0.append(hear) }
    }

    public func write(
        _ writes: [RecoveryWrite], namespace: String, options: RecoveryOptions
    ) async -> [AdapterError?] {
        let keys = RecoveryKeys(prefix: prefix, namespace: namespace)
        var failures: [AdapterError?] = []
        failures.reserveCapacity(writes.count)
        var batch = Batch(keys)
        for write in writes {
            batch.add(write)
            if batch.writes >= Self.mostWrites || batch.bytes >= Self.mostBytes {
                failures += await send(batch, keys, options)
                batch = Batch(keys)
            }
        }
        if batch.writes > 0 { failures += await send(batch, keys, options) }
        return failures
    }

    private func send(_ batch: Batch, _ keys: RecoveryKeys, _ options: RecoveryOptions) async -> [AdapterError?] {
        do {
            let replid = try replicationID()
            let life = options.maximumDisconnection
            let reply = try await redis.eval(
                ClusterScript.recoveryWrite, keys: [keys.order] + batch.keys,
                arguments: [
                    .string(keys.order), .string(replid), .integer(options.maximumMessages),
                    // A log outlives every state that may be read with it.
                    .integer((life * 2).wholeMilliseconds), .integer((life * 4 / 3).wholeMilliseconds),
                ] + batch.arguments)
            await correct(reply.array?.first?.string, used: replid)
            return Array(repeating: nil, count: batch.count)
        } catch {
            return Array(repeating: AdapterError(.unavailable, error.message, underlying: error), count: batch.count)
        }
    }

    public func recover(
        id: String, owner: String, since offset: RecoveryOffset?, namespace: String, options: RecoveryOptions
    ) async throws(AdapterError) -> RecoveredState? {
        guard let offset else { return nil }
        let keys = RecoveryKeys(prefix: prefix, namespace: namespace)
        do {
            let taken = try await redis.eval(
                ClusterScript.recoveryTake, keys: [keys.state(id)],
                arguments: [
                    .string(keys.order), .string("t\(id) \(owner)"), .string(owner),
                    .integer((options.maximumDisconnection * 4 / 3).wholeMilliseconds),
                ])
            guard let state = RecoverableState(id: id, owner: owner, taken) else { return nil }
            let replid = try replicationID()
            let reply = try await redis.eval(
                ClusterScript.recoveryRead,
                keys: [keys.order, keys.log(""), keys.log(state.socket.string)] + state.rooms.map { keys.log($0) },
                arguments: [
                    .string(replid), .string(String(offset.epoch)), .string(String(offset.number)),
                    .integer(options.maximumMessages), .integer(Self.mostMissedBytes),
                ])
            let parts = reply.array ?? []
            await correct(parts.first?.string, used: replid)
            return RecoveredState(state, parts)
        } catch {
            throw AdapterError(.unavailable, error.message, underlying: error)
        }
    }

    private func replicationID() throws(RedisError) -> String {
        guard let server = redis.server else { throw RedisError(code: .unavailable, message: "redis is not connected") }
        return server.replicationID
    }

    /// Redis is another one than this node took it for.
    private func correct(_ actual: String?, used: String) async {
        guard let actual, actual != used else { return }
        do {
            _ = try await redis.refreshServer()
        } catch {
            return  // a connection that fails is made anew, and asks
        }
    }
}

/// Reads a channel of a namespace. What comes from there is not trusted: what is no message is left out.
private final class RecoveryListener: Sendable {
    private let wasLost = Atomic<Bool>(false)
    private let hear: @Sendable (RecoveryEvent) -> Void

    init(hear: @escaping @Sendable (RecoveryEvent) -> Void) {
        self.hear = hear
    }

    func heard(_ event: RedisSubscriptionEvent) {
        switch event {
        case .lost:
            wasLost.store(true, ordering: .relaxed)
        case .subscribed:
            if wasLost.exchange(false, ordering: .relaxed) { hear(.missed) }
        case .message(var bytes):
            guard let kind = bytes.readInteger(as: UInt8.self),
                let space = bytes.readableBytesView.firstIndex(of: UInt8(ascii: " ")),
                let word = bytes.readString(length: space - bytes.readerIndex)
            else { return }
            bytes.moveReaderIndex(forwardBy: 1)
            switch kind {
            case UInt8(ascii: "m"):
                guard let offset = RecoveryOffset(word), let message = RecoverableMessage(bytes) else { return }
                hear(.message(offset, message))
            case UInt8(ascii: "t"):
                hear(.taken(id: word, owner: String(buffer: bytes)))
            default:
                return
            }
        }
    }
}

/// What goes into one script.
private struct Batch {
    private let names: RecoveryKeys
    private(set) var keys: [String] = []
    private(set) var arguments: [RedisArgument] = []
    private(set) var bytes = 0
    /// What the script counts, and what came in: some writes are several.
    private(set) var writes = 0
    private(set) var count = 0

    init(_ names: RecoveryKeys) {
        self.names = names
    }

    mutating func add(_ write: RecoveryWrite) {
        count += 1
        switch write {
        case .message(let message):
            let logs = message.rooms.isEmpty ? [""] : message.rooms
            let text = message.encoded.buffer
            keys += logs.map { names.log($0) }
            arguments += ["m", .integer(logs.count), .bytes(text)]
            bytes += text.readableBytes
            writes += 1
        case .state(let state):
            keys.append(names.state(state.id))
            arguments += [
                "s", .string(state.owner), .bytes(JSONBytes(strings: state.rooms).buffer), .string(state.socket.string),
                .bytes(state.data?.buffer ?? ByteBuffer()),
            ]
            writes += 1
        case .alive(let ids):
            keys += ids.map { names.state($0) }
            arguments += Array(repeating: "a", count: ids.count)
            writes += ids.count
        case .forget(let id, let owner):
            keys.append(names.state(id))
            arguments += ["f", .string(owner)]
            writes += 1
        }
    }
}

extension RecoverableState {
    /// - Parameter taken: socket, rooms, data; nothing when there is no such state.
    fileprivate init?(id: String, owner: String, _ taken: RedisValue) {
        guard let parts = taken.array, parts.count == 3, let socket = parts[0].string,
            let rooms = parts[1].json?.strings
        else { return nil }
        self.init(id: id, owner: owner, socket: SocketID(socket), rooms: rooms, data: parts[2].json)
    }
}

extension RecoveredState {
    /// - Parameter parts: the true replication id, epoch, number, then a number and a message for each.
    fileprivate init?(_ state: RecoverableState, _ parts: [RedisValue]) {
        guard parts.count >= 3, let epoch = parts[1].string.flatMap({ UInt64($0) }),
            let number = parts[2].string.flatMap({ UInt64($0) })
        else { return nil }
        var messages: [(offset: RecoveryOffset, message: RecoverableMessage)] = []
        for index in stride(from: 3, to: parts.count - 1, by: 2) {
            guard let at = parts[index].string.flatMap({ UInt64($0) }),
                let message = parts[index + 1].buffer.flatMap({ RecoverableMessage($0) })
            else { return nil }
            messages.append((RecoveryOffset(epoch: epoch, number: at), message))
        }
        self.init(state: state, messages: messages, offset: RecoveryOffset(epoch: epoch, number: number))
    }
}

extension RedisValue {
    /// Nil for what is no JSON, and for nothing.
    fileprivate var json: JSONBytes? {
        guard let buffer, buffer.readableBytes > 0 else { return nil }
        do {
            return try JSONBytes(validating: buffer)
        } catch {
            return nil
        }
    }
}
