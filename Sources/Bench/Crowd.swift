import NIOCore
import SocketIOClient

/// What a crowd tells the benchmark that owns it, on the crowd's event loop.
protocol CrowdListener: AnyObject {
    /// A `patch` came, as it is: `42["patch",{…}]`.
    func patch(_ payload: ByteBuffer, to member: Crowd.Member)
    /// A `state` came: a snapshot in place of patches.
    func state(_ payload: ByteBuffer, to member: Crowd.Member)
    /// A `session` came: the member's `isLoggedIn` is what it says.
    func session(_ member: Crowd.Member)
    /// A connection that was open is over.
    func closed(_ member: Crowd.Member, reason: SocketIOCloseReason)
}

/// What a benchmark that does not care need not write.
extension CrowdListener {
    func patch(_ payload: ByteBuffer, to member: Crowd.Member) {}
    func state(_ payload: ByteBuffer, to member: Crowd.Member) {}
    func session(_ member: Crowd.Member) {}
    func closed(_ member: Crowd.Member, reason: SocketIOCloseReason) {}
}

/// The sockets of one event loop of the generator. Confined to its event loop.
final class Crowd: SocketIOConnectionDelegate {
    /// One socket, with what its last `session` event told.
    final class Member {
        let number: Int
        fileprivate(set) var connection: SocketIOConnection?
        /// The newest credential, in token mode.
        var token: String?
        fileprivate(set) var isLoggedIn = false
        fileprivate var opened: EventLoopPromise<Member>?
        fileprivate var openTimer: Scheduled<Void>?
        /// The last version that was delivered, and the epoch it belongs to.
        var version = 0
        var epoch = ""

        fileprivate init(number: Int) {
            self.number = number
        }
    }

    private struct Waiter {
        let answer: EventLoopPromise<ByteBuffer>
        let timer: Scheduled<Void>
        let member: Int
    }

    let eventLoop: any EventLoop
    /// The number of the crowd among all crowds.
    let index: Int
    weak var listener: (any CrowdListener)?
    private(set) var members: [Member] = []
    private var waiters: [Int: Waiter] = [:]
    private var lastID = 0

    init(eventLoop: any EventLoop, index: Int) {
        self.eventLoop = eventLoop
        self.index = index
    }

    // MARK: Opening

    /// Opens a socket in token mode and waits for its first `session` event.
    ///
    /// - Parameter token: nil asks for a new guest's credential.
    func open(_ url: String, token: String?, timeout: TimeAmount) -> EventLoopFuture<Member> {
        let member = Member(number: self.members.count)
        self.members.append(member)
        return self.open(member, url, token: token, timeout: timeout)
    }

    /// Opens a socket again whose connection is over.
    func open(_ member: Member, _ url: String, token: String?, timeout: TimeAmount) -> EventLoopFuture<Member> {
        let opened = self.eventLoop.makePromise(of: Member.self)
        member.opened = opened
        member.token = token
        member.openTimer = self.eventLoop.assumeIsolated().scheduleTask(in: timeout) {
            self.fail(member, BenchError("no session event from \(url) within \(timeout.seconds) s"))
        }
        let auth = token.map { "{\"token\":\"\($0)\"}" } ?? "{\"token\":null}"
        let configuration = SocketIOClient.Configuration(
            url: url, auth: auth, connectTimeout: .nanoseconds(timeout.nanoseconds))
        member.connection = SocketIOConnection.connect(
            configuration, on: self.eventLoop, delegate: self, tag: member.number)
        return opened.futureResult
    }

    private func fail(_ member: Member, _ error: any Error) {
        member.openTimer?.cancel()
        let opened = member.opened.take()
        opened?.fail(error)
        member.connection?.abort()
    }

    /// How many sockets are connected.
    var openCount: Int { self.members.count { $0.connection?.isOpen == true } }

    /// Closes a socket without a word to anybody; the listener does not hear of it.
    func drop(_ member: Member) {
        let connection = member.connection.take()
        connection?.abort()
    }

    /// Closes all sockets without a word.
    func abort() {
        for member in self.members { member.connection?.abort() }
    }

    // MARK: Requests

    /// Sends an event and waits for its acknowledgement: `43ID[…]`.
    func call(
        _ member: Member, _ event: StaticString, _ json: String, timeout: TimeAmount
    ) -> EventLoopFuture<ByteBuffer> {
        let answer = self.eventLoop.makePromise(of: ByteBuffer.self)
        guard let connection = member.connection, connection.isOpen else {
            answer.fail(BenchError("\(event): the connection is closed"))
            return answer.futureResult
        }
        self.lastID += 1
        let id = self.lastID
        let timer = self.eventLoop.assumeIsolated().scheduleTask(in: timeout) {
            let waiter = self.waiters.removeValue(forKey: id)
            waiter?.answer.fail(BenchError("\(event): no acknowledgement within \(timeout.seconds) s"))
        }
        self.waiters[id] = Waiter(answer: answer, timer: timer, member: member.number)
        connection.send(ByteBuffer(string: "42\(id)[\"\(event)\",\(json)]"))
        return answer.futureResult
    }

    /// As `call`; an answer that is not `ok` is an error.
    func request(
        _ member: Member, _ event: StaticString, _ json: String, timeout: TimeAmount
    ) -> EventLoopFuture<ByteBuffer> {
        self.call(member, event, json, timeout: timeout).assumeIsolated().flatMapThrowing { answer in
            guard MessageText.isTrue("ok", in: answer) else {
                throw BenchError("\(event) was refused: \(String(buffer: answer))")
            }
            return answer
        }.nonisolated()
    }

    /// Does something for each number of a range, for `window` of them at a time.
    ///
    /// - Returns: how many failed, and the first reason.
    func each(
        _ range: Range<Int>, window: Int, _ step: @escaping (Int) -> EventLoopFuture<Void>
    ) -> EventLoopFuture<Failures> {
        let done = self.eventLoop.makePromise(of: Failures.self)
        Rounds(range, step: step, done: done).begin(window: window)
        return done.futureResult
    }

    // MARK: SocketIOConnectionDelegate

    func connectionOpened(_ connection: SocketIOConnection, handshakeHeaders: [(String, String)]) {}

    func connection(_ connection: SocketIOConnection, received payload: ByteBuffer) {
        let member = self.members[connection.tag]
        // The first bytes tell: `42["patc`, `42["stat`, `42["sess`.
        switch payload.getInteger(at: payload.readerIndex, as: UInt64.self) {
        case 0x3432_5b22_7061_7463: self.listener?.patch(payload, to: member)
        case 0x3432_5b22_7374_6174: self.listener?.state(payload, to: member)
        case 0x3432_5b22_7365_7373: self.session(payload, to: member)
        default: self.answer(payload)
        }
    }

    func connection(_ connection: SocketIOConnection, receivedBinary payload: ByteBuffer) {}

    func connectionFailed(_ connection: SocketIOConnection, error: SocketIOClientError) {
        let member = self.members[connection.tag]
        member.connection = nil
        self.fail(member, error)
    }

    func connectionClosed(_ connection: SocketIOConnection, reason: SocketIOCloseReason) {
        let member = self.members[connection.tag]
        guard member.connection === connection else { return }  // dropped
        member.connection = nil
        let error = BenchError("the connection closed: \(reason)")
        self.fail(member, error)
        for (id, waiter) in self.waiters where waiter.member == member.number {
            self.waiters[id] = nil
            waiter.timer.cancel()
            waiter.answer.fail(error)
        }
        self.listener?.closed(member, reason: reason)
    }

    private func session(_ payload: ByteBuffer, to member: Member) {
        member.isLoggedIn = MessageText.isTrue("login", in: payload)
        if let token = MessageText.string("token", in: payload) { member.token = token }
        member.openTimer?.cancel()
        member.openTimer = nil
        let opened = member.opened.take()
        opened?.assumeIsolated().succeed(member)
        self.listener?.session(member)
    }

    private func answer(_ payload: ByteBuffer) {
        let bytes = payload.readableBytesView
        guard bytes.count > 2, bytes[bytes.startIndex + 1] == UInt8(ascii: "3"),
            let id = MessageText.integer(at: bytes.startIndex + 2, in: bytes)?.value,
            let waiter = self.waiters.removeValue(forKey: id)
        else { return }
        waiter.timer.cancel()
        waiter.answer.succeed(payload)
    }
}
