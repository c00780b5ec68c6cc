import CoreMetrics
import EngineIO
import NIOCore

extension NamespaceHub {
    /// Whether a socket may connect: first its state is looked for, then the handler is asked; nothing is sent to it before.
    nonisolated(nonsending) func decide(_ socket: Socket, auth: JSONBytes?) async -> ConnectDecision {
        // Its connection may have ended before its turn came.
        guard socket.state == .connecting else { return .retry }
        guard let recovery else { return await handler.connect(socket, auth: auth) }
        guard recovery.isListening else { return .retry }
        guard let id = auth?["pid"]?.string, id.utf8.count == 22,
            let offset = auth?["offset"]?.string.flatMap({ RecoveryOffset($0) })
        else {
            socket.recovery = SocketRecovery(id: SocketID.random().string, namespace: recovery)
            return await handler.connect(socket, auth: auth)
        }
        let own = SocketRecovery(id: id, namespace: recovery)
        own.beginHearing()
        socket.recovery = own
        // Until it is connected, or over.
        restoring[ObjectIdentifier(socket)] = own
        do throws(AdapterError) {
            let state = try await recovery.options.store.recover(
                id: id, owner: own.owner, since: offset, namespace: name, options: recovery.options)
            if let state {
                own.restored(state, on: socket)
            } else {
                // The secret is not used again: who else may know it?
                socket.recovery = SocketRecovery(id: SocketID.random().string, namespace: recovery)
            }
        } catch {
            recovery.counters.recoveryFailures.increment()
            // Later it may be found.
            return .retry
        }
        guard socket.state == .connecting else { return .retry }
        return await handler.connect(socket, auth: auth)
    }

    /// Delivers a message that was logged, to the sockets that it is for.
    func heard(_ offset: RecoveryOffset, _ message: RecoverableMessage, _ encoded: EncodedMessage) {
        lastHeard = offset
        for recovery in restoring.values { recovery.hears(offset, message) }
        let targets = BroadcastTargets(rooms: message.rooms, except: message.except)
        guard !ahead.isEmpty else { return broadcast(encoded, to: targets) }
        ahead = ahead.filter { $0.value.isAhead(of: offset) }
        for socket in sockets(for: targets) where ahead[ObjectIdentifier(socket)] == nil {
            socket.connection.send(encoded)
        }
    }

    /// Another connection has a socket's state: this one is a client's that has not noticed yet that it is gone.
    func taken(id: String, owner: String) {
        if let socket = socketOfRecoveryID[id], socket.recovery?.owner != owner {
            socket.connection.close(.forcedClose)
        }
    }

    /// Messages may have been missed: everybody comes back, and gets them from the log.
    func missed() {
        lastHeard = nil
        for recovery in restoring.values { recovery.missedMessages() }
        for socket in sockets { socket.connection.close(.forcedClose) }
    }

    /// Says regularly which sockets are still connected, so that what nobody comes back to is forgotten.
    func startTellingAlive() {
        guard let recovery, aliveTask == nil else { return }
        let interval = TimeAmount(recovery.options.maximumDisconnection / 3)
        let bound = NIOLoopBound(self, eventLoop: hub.loop.eventLoop)
        aliveTask = hub.loop.eventLoop.scheduleRepeatedTask(initialDelay: interval, delay: interval) { task in
            let hub = bound.value
            let ids = hub.sockets.compactMap { $0.recovery?.id }
            if !ids.isEmpty { recovery.enqueue(.alive(ids: ids)) }
        }
    }
}
