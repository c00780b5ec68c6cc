import NIOCore
import NIOHTTP1
import Synchronization

/// One request of a session on its way between the event loop of its HTTP connection and that of the session.
final class EngineExchange: Sendable {
    /// What the session's side says to a request.
    enum Reply: Sendable {
        case answer(EngineAnswer)
        /// The payload may come.
        case payloadWanted
        /// The connection becomes a WebSocket; an unwanted one is closed at once.
        case upgrade(headers: [(name: String, value: String)], isWanted: Bool)
    }

    let request: EngineHandshake
    private let session: Mutex<SessionID?>
    private let eventLoop: any EventLoop
    private let deliver: @Sendable (EngineExchange, Reply) -> Void
    private let gone = Atomic<Bool>(false)
    private let stopping = Atomic<Bool>(false)

    /// - Parameters:
    ///   - sid: the session's; `nil` while it is yet to be opened.
    ///   - eventLoop: that of the HTTP connection.
    ///   - deliver: takes the reply there.
    init(
        sid: SessionID?, request: EngineHandshake, eventLoop: any EventLoop,
        deliver: @escaping @Sendable (EngineExchange, Reply) -> Void
    ) {
        self.session = Mutex(sid)
        self.request = request
        self.eventLoop = eventLoop
        self.deliver = deliver
    }

    /// Whose request it is; `nil` for a handshake that is not accepted yet.
    var sid: SessionID? { session.withLock { $0 } }

    /// The handshake opened a session.
    func opened(_ sid: SessionID) {
        session.withLock { $0 = sid }
    }

    /// Any thread may call; on the connection's own event loop the reply is there when this returns.
    func reply(_ reply: Reply) {
        if eventLoop.inEventLoop {
            deliver(self, reply)
        } else {
            eventLoop.execute { self.deliver(self, reply) }
        }
    }

    func refuse(_ error: EngineError) {
        reply(.answer(.refusal(error)))
    }

    /// Nobody waits for a reply any more.
    var isGone: Bool { gone.load(ordering: .acquiring) }

    /// The listener that the request came by stops, perhaps before the session has decided about the request.
    var isStopping: Bool { stopping.load(ordering: .acquiring) }

    func stop() {
        stopping.store(true, ordering: .releasing)
    }

    func leave() {
        gone.store(true, ordering: .releasing)
    }
}
