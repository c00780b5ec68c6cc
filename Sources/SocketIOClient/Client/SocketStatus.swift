import Synchronization

/// What is known of a socket, to any thread.
final class SocketStatus: Sendable {
    struct Connection {
        /// Nil while not connected.
        var id: String?
        /// Of the newest connection; empty before the first.
        var newestID = ""
        var isRecovered = false
        var droppedEmits = 0
    }

    private let connection = Mutex(Connection())

    var now: Connection { self.connection.withLock { $0 } }

    func connected(_ id: String, recovered: Bool) {
        self.connection.withLock {
            $0.id = id
            $0.newestID = id
            $0.isRecovered = recovered
        }
    }

    func disconnected() {
        self.connection.withLock { $0.id = nil }
    }

    func emitDropped() {
        self.connection.withLock { $0.droppedEmits += 1 }
    }
}
