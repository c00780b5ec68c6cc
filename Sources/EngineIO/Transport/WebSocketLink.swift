import NIOCore
import Synchronization

/// Ties a WebSocket to a session that began by polling, and may live on another event loop: the two ends, and what each
/// may know of the other without asking.
final class WebSocketLink: Sendable {
    let sid: SessionID
    let shard: EngineShard
    let socketLoop: any EventLoop
    /// The WebSocket's end; touched on its own event loop only.
    let socket: NIOLoopBoundBox<LinkedWebSocket?>
    /// The session's end, once the WebSocket carries the session; touched on the session's event loop only.
    let session: NIOLoopBoundBox<LinkedTransport?>

    /// Bytes handed to the WebSocket's event loop that it has not written yet.
    let handedBytes = Atomic<Int>(0)
    /// Bytes that wait for the network, when the WebSocket's event loop last looked.
    let waitingBytes = Atomic<Int>(0)
    /// Bytes that the network has taken, when the WebSocket's event loop last looked.
    let takenBytes = Atomic<Int>(0)
    let isSocketWritable = Atomic<Bool>(true)
    /// The session waits to hear that it may write again.
    let wantsNotice = Atomic<Bool>(false)
    /// Bytes received that the session's event loop has not handled yet.
    let receivedBytes = Atomic<Int>(0)
    /// The WebSocket reads nothing until the session has caught up.
    let isPaused = Atomic<Bool>(false)

    init(sid: SessionID, shard: EngineShard, socketLoop: any EventLoop) {
        self.sid = sid
        self.shard = shard
        self.socketLoop = socketLoop
        self.socket = .makeEmptyBox(valueType: LinkedWebSocket.self, eventLoop: socketLoop)
        self.session = .makeEmptyBox(valueType: LinkedTransport.self, eventLoop: shard.eventLoop)
    }

    /// At once on the WebSocket's event loop, else as soon as it can.
    func onSocket(_ body: @escaping @Sendable (LinkedWebSocket) -> Void) {
        if socketLoop.inEventLoop {
            if let socket = socket.value { body(socket) }
        } else {
            socketLoop.execute { [self] in
                if let socket = socket.value { body(socket) }
            }
        }
    }

    /// At once on the session's event loop, else as soon as it can; nothing once the session has ended.
    func onSession(_ body: @escaping @Sendable (LinkedTransport) -> Void) {
        if shard.eventLoop.inEventLoop {
            if let session = session.value { body(session) }
        } else {
            shard.eventLoop.execute { [self] in
                if let session = session.value { body(session) }
            }
        }
    }

    func closeWebSocket(_ reason: CloseReason) {
        onSocket { $0.closeWebSocket(reason) }
    }
}
