import NIOCore
import SocketIOClient

/// What a crowd tells the benchmark that owns it, on the crowd's event loop.
protocol CrowdListener: AnyObject {
    /// What others get of an act came, as it is: `42["patch",{…}]`.
    func delivered(_ payload: ByteBuffer, to member: Crowd.Member)
    /// A `state` came: a snapshot in place of patches.
    func state(_ payload: ByteBuffer, to member: Crowd.Member)
    /// A `session` came: the member's `isLoggedIn` is what it says.
    func session(_ member: Crowd.Member)
    /// A connection that was open is over.
    func closed(_ member: Crowd.Member, reason: SocketIOCloseReason)
}

/// What a benchmark that does not care need not write.
extension CrowdListener {
    func delivered(_ payload: ByteBuffer, to member: Crowd.Member) {}
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
    /// Nil: the server is Rejoin.
    let dialect: Dialect?
    private let firstEvent: EventHead?
    private let deliverEvent: EventHead?
    private let snapshotEvent: EventHead?
    /// What stands before the payload of a packet of the namespace.
    private let namespacePrefix: String
    weak var listener: (any CrowdListener)?
    private(set) var members: [Member] = []
    private var waiters: [Int: Waiter] = [:]
    private var lastID = 0

    init(eventLoop: any EventLoop, index: Int, dialect: Dialect?) {
        self.eventLoop = eventLoop
        self.index = index
        self.dialect = dialect
        let namespace = dialect?.namespace ?? "/"
        self.namespacePrefix = namespace == "/" ? "" : "\(namespace),"
        let (first, deliver) = dialect.map { ($0.firstEvent, $0.deliverEvent) } ?? ("session", "patch")
        self.firstEvent = first.map { EventHead($0, namespace: namespace) }
        self.deliverEvent = deliver.map { EventHead($0, namespace: namespace) }
        self.snapshotEvent = dialect == nil ? EventHead("state", namespace: namespace) : nil
    }

    // MARK: Opening

    /// Opens a socket and waits for its first event: with Rejoin in token mode, for `session`.
    ///
    /// - Parameter token: nil asks Rejoin for a new guest's credential; other servers get what the dialect says.
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
            self.fail(member, BenchError("no first event from \(url) within \(timeout.seconds) s"))
        }
        let credential = token.map { "{\"token\":\"\($0)\"}" } ?? "{\"token\":null}"
        let auth = if let dialect = self.dialect { dialect.auth } else { Optional(credential) }
        let configuration = SocketIOClient.Configuration(
            url: url, auth: auth, namespace: self.dialect?.namespace ?? "/",
            connectTimeout: .nanoseconds(timeout.nanoseconds))
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
        _ member: Member, _ event: String, _ json: String, timeout: TimeAmount
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
        connection.send(self.packet(event, json, id: "\(id)"))
        return answer.futureResult
    }

    private func packet(_ event: String, _ json: String, id: String) -> ByteBuffer {
        let arguments = json.isEmpty ? "" : ",\(json)"
        return ByteBuffer(string: "42\(self.namespacePrefix)\(id)[\"\(EventHead.escaped(event))\"\(arguments)]")
    }

    /// As `call`; an answer that is not `ok` is an error.
    func request(
        _ member: Member, _ event: String, _ json: String, timeout: TimeAmount
    ) -> EventLoopFuture<ByteBuffer> {
        self.call(member, event, json, timeout: timeout).assumeIsolated().flatMapThrowing { answer in
            guard MessageText.isTrue("ok", in: answer) else {
                throw BenchError("\(event) was refused: \(String(buffer: answer))")
            }
            return answer
        }.nonisolated()
    }

    /// Sends an event of the dialect, and waits for its acknowledgement where the server sends one. One that says
    /// `"ok":false` is a refusal.
    ///
    /// - Returns: whether it was acknowledged.
    func speak(
        _ member: Member, _ event: String, _ json: String, acknowledged: Bool, timeout: TimeAmount
    ) -> EventLoopFuture<Bool> {
        guard acknowledged else {
            guard let connection = member.connection, connection.isOpen else {
                return self.eventLoop.makeFailedFuture(BenchError("\(event): the connection is closed"))
            }
            connection.send(self.packet(event, json, id: ""))
            return self.eventLoop.makeSucceededFuture(false)
        }
        return self.call(member, event, json, timeout: timeout).assumeIsolated().flatMapThrowing { answer in
            guard !MessageText.isFalse("ok", in: answer) else {
                throw BenchError("\(event) was refused: \(String(buffer: answer))")
            }
            return true
        }.nonisolated()
    }

    /// Does something for each number of a range, for `window` of them at a time.
    ///
    /// - Returns: how many failed, and the first reason.
    func each(
        _ range: Range<Int>, window: Int, _ step: @escaping (Int) -> EventLoopFuture<Void>
    ) -> EventLoopFuture<Failures> {
        let done = self.eventLoop.makePromise(of: Outcome.self)
        Rounds(range, step: { number, _ in step(number) }, done: done).begin(inFlight: window)
        return done.futureResult.map(\.failures)
    }

    // MARK: SocketIOConnectionDelegate

    func connectionOpened(_ connection: SocketIOConnection, handshakeHeaders: [(String, String)]) {
        if self.firstEvent == nil { self.opened(self.members[connection.tag]) }
    }

    func connection(_ connection: SocketIOConnection, received payload: ByteBuffer) {
        let member = self.members[connection.tag]
        if self.deliverEvent?.begins(payload) == true {
            self.listener?.delivered(payload, to: member)
        } else if self.snapshotEvent?.begins(payload) == true {
            self.listener?.state(payload, to: member)
        } else if self.firstEvent?.begins(payload) == true {
            self.first(payload, to: member)
        } else {
            self.answer(payload)
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

    private func first(_ payload: ByteBuffer, to member: Member) {
        if self.dialect == nil {
            member.isLoggedIn = MessageText.isTrue("login", in: payload)
            if let token = MessageText.string("token", in: payload) { member.token = token }
        }
        self.opened(member)
        self.listener?.session(member)
    }

    private func opened(_ member: Member) {
        member.openTimer?.cancel()
        member.openTimer = nil
        let opened = member.opened.take()
        opened?.assumeIsolated().succeed(member)
    }

    private func answer(_ payload: ByteBuffer) {
        let bytes = payload.readableBytesView
        let start = bytes.startIndex + 2 + self.namespacePrefix.utf8.count
        guard bytes.endIndex > start, bytes[bytes.startIndex + 1] == UInt8(ascii: "3"),
            let id = MessageText.integer(at: start, in: bytes)?.value,
            let waiter = self.waiters.removeValue(forKey: id)
        else { return }
        waiter.timer.cancel()
        waiter.answer.succeed(payload)
    }
}
