import Cluster
import EngineIO
import Logging
import NIOCore
import RedisClient
import SocketIO

/// What nodes tell each other of sessions.
extension SessionService {
    /// Who confirmed the end of a session.
    package struct Confirmation: Sendable {
        package var sockets: Int
        package var nodes: Int
        package var missing: [String]
        /// Whether a replica of Redis has it; nil where there is none.
        package var replicated: Bool?

        /// Adds what other sessions' ends were confirmed by.
        mutating func add(_ other: Confirmation) {
            sockets += other.sockets
            nodes = max(nodes, other.nodes)
            for node in other.missing where !missing.contains(node) {
                missing.append(node)
            }
            if let replicated = other.replicated { self.replicated = replicated && self.replicated != false }
        }
    }

    func listen() {
        cluster.onControl(kind: Self.seatsKind) { message in self.answerSeats(message.body) }
        cluster.onControl(kind: SessionEnding.kind) { message in
            await self.sessionsEnded(message.body)
        }
        cluster.onControl(kind: SessionEnding.refreshKind) { message in
            await self.secretChanged(message.body)
            return .null
        }
    }

    /// Tells every node of endings, and waits for their confirmations, and a replica's where there is one; about 2 s at
    /// most.
    func tellEnded(_ endings: [SessionEnding], _ reason: SessionReason) async -> Confirmation {
        async let replicated = replicas.confirm()
        var confirmation = Confirmation(sockets: 0, nodes: 0, missing: [])
        // A message of the bus has a limit of bytes: a user's thousand sessions take several.
        for start in stride(from: 0, to: max(1, endings.count), by: 200) {
            let batch = endings[start..<min(start + 200, endings.count)]
            let answers = await cluster.ask(kind: SessionEnding.kind, body: SessionEnding.message(batch, reason))
            confirmation.sockets += answers.answers.values.reduce(0) { $0 + ($1["sockets"]?.int ?? 0) }
            confirmation.nodes = max(confirmation.nodes, answers.answers.count)
            for node in answers.missing where !confirmation.missing.contains(node.description) {
                confirmation.missing.append(node.description)
            }
        }
        confirmation.replicated = await replicated
        return confirmation
    }

    /// Tells every node that a session's secret has changed: sockets of the one from before are to reconnect.
    func tellRefresh(_ login: SessionGuard) async {
        var writer = JSONObjectWriter()
        writer.member("handle", string: login.handle.description)
        writer.member("generation", int: login.generation)
        do {
            try await cluster.tell(kind: SessionEnding.refreshKind, body: writer.finish())
        } catch {
            // They keep watching, and their alias ends: nobody gains a right by it.
            logger.info("other sockets not told of a login", metadata: ["error": "\(error)"])
        }
    }

    private func sessionsEnded(_ body: JSONBytes) async -> JSONBytes {
        let reason = body["reason"]?.string.flatMap(SessionReason.init) ?? .revoked
        let endings = (body["sessions"]?.elements() ?? []).compactMap { SessionEnding($0) }
        recentEndings.note(endings)
        let counts = await indexes.gather { index in
            endings.reduce(0) { $0 + self.end($1, reason, in: index) }
        }
        return SessionEnding.confirmation(sockets: counts.reduce(0, +))
    }

    /// - Returns: How many sockets of this event loop were players by that login.
    private func end(_ ending: SessionEnding, _ reason: SessionReason, in index: SessionIndex) -> Int {
        var count = 0
        for socket in index.sockets(of: ending.handle) {
            guard let session = socket.session, var identity = session.identity,
                identity.generation <= ending.generation
            else { continue }
            let wasPlayer = session.user != nil
            if let next = ending.next {
                guard wasPlayer else { continue }
                identity.generation = next
                turnToWatcher(socket, reason, keeping: identity)
            } else {
                turnToWatcher(socket, reason, keeping: nil)
            }
            count += wasPlayer ? 1 : 0
        }
        return count
    }

    private func secretChanged(_ body: JSONBytes) async {
        guard let handle = body["handle"]?.string.flatMap({ SessionHandle($0) }),
            let generation = body["generation"]?.int
        else { return }
        _ = await indexes.gather { index in
            for socket in index.sockets(of: handle) {
                self.turnToAlias(socket, upTo: generation)
            }
        }
    }

    /// The secret has changed under a watcher, which had full rights until then: it is to come back with the new one.
    func turnToAlias(_ socket: Socket, upTo generation: Int) {
        guard let session = socket.session, session.user == nil, var identity = session.identity,
            identity.generation <= generation
        else { return }
        identity.isAlias = true
        move(socket, to: identity)
        announce(.refresh, to: socket)
    }
}
