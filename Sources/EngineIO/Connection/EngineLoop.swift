public import NIOCore

/// What the connections of one event loop share. Confined to that event loop.
public final class EngineLoop {
    public let eventLoop: any EventLoop
    package let configuration: EngineConfiguration
    package let counters: EngineCounters
    /// Nil: nothing is compressed.
    package let deflate: WebSocketDeflate?
    private let jobs: JobQueue
    private var application: (any EngineLoopApplication)?
    private(set) var connections: [EngineConnection.ID: EngineConnection] = [:]
    /// The sessions that poll, and those that wait for the poll that takes their close packet.
    var polling: [EngineConnection.ID: PollingTransport] = [:]
    /// The WebSockets of other nodes' sessions that pass through here, by the client's end.
    var tunnels: [ObjectIdentifier: TunnelHandler] = [:]
    /// Decides about the later requests of a session.
    private(set) var authority: (any EngineApplication)?
    /// Which of the node's event loops this is.
    private let index: Int
    private var heartbeat: Heartbeat
    private var timer: Scheduled<Void>?
    private var timerDeadline: NIODeadline?
    private var unflushed: [EngineConnection] = []
    private var flushing: [EngineConnection] = []
    private var keptUntilFlushed: [AnyObject] = []
    package let shortWays = ShortWays()
    let arrivals: Arrivals
    /// For what is received past a channel; empty again at once.
    let receiveSpace: UnsafeMutableRawBufferPointer
    private var stalled: Set<EngineConnection.ID> = []
    private var admission: HandshakeAdmission

    init(
        eventLoop: any EventLoop, index: Int = 0, configuration: EngineConfiguration, counters: EngineCounters,
        handshakes: HandshakeBudget, jobs: JobQueue
    ) {
        self.eventLoop = eventLoop
        self.index = index
        self.configuration = configuration
        self.counters = counters
        self.deflate = configuration.compression.map { WebSocketDeflate($0) }
        self.jobs = jobs
        self.receiveSpace = .allocate(byteCount: 4_096, alignment: 16)
        self.arrivals = Arrivals(eventLoop, patience: configuration.idleTimeout)
        self.heartbeat = Heartbeat(interval: configuration.pingInterval, timeout: configuration.pingTimeout)
        self.admission = HandshakeAdmission(handshakes)
    }

    deinit {
        receiveSpace.deallocate()
    }

    func start(_ application: any EngineApplication) {
        self.application = application.makeLoopApplication(self)
        authority = application
    }

    /// Runs work as a child of the shard, isolated to it. Never waits.
    ///
    /// - Returns: Whether it was taken; `false` when the shard is stopping or its queue is full.
    public func spawn(_ job: @escaping EngineShard.Job) -> Bool {
        jobs.add(job)
    }

    public var connectionCount: Int { connections.count }

    /// Lets the application go: no connection is opened any more.
    func stop() {
        application = nil
        authority = nil
    }

    // MARK: Connections

    /// Opens a connection over a transport that has just been established, and sends the open packet.
    package func open(
        transport: any EngineTransport, peer: SocketAddress?, upgrades: [String], context: any Sendable
    ) -> EngineConnection? {
        guard let application else { return nil }
        var sid = SessionID.random(node: configuration.nodeName, loop: index)
        while connections[sid.connection] != nil || polling[sid.connection] != nil {
            sid = .random(node: configuration.nodeName, loop: index)
        }
        let connection = EngineConnection(
            id: sid.connection, sid: sid.text, peer: peer, loop: self, transport: transport)
        connections[connection.id] = connection
        counters.connections.add(1)
        let open = OpenPacket(
            sid: connection.sid, upgrades: upgrades, pingInterval: configuration.pingInterval,
            pingTimeout: configuration.pingTimeout, maximumPayloadBytes: configuration.maximumPayloadBytes)
        transport.send(text: open.encoded(allocator: ByteBufferAllocator()))
        connection.wantsFlush()
        connection.start(application.opened(connection, context: context))
        if connection.isOpen {
            isAlive(connection)
        }
        return connection
    }

    func removed(_ connection: EngineConnection) {
        if connections.removeValue(forKey: connection.id) != nil {
            counters.connections.add(-1)
        }
    }

    /// Closes some connections of this loop, as part of a drain.
    ///
    /// - Returns: How many are left.
    package func close(atMost count: Int, _ reason: CloseReason) -> Int {
        for connection in Array(connections.values.prefix(count)) {
            connection.close(reason)
        }
        return connections.count
    }

    /// Closes some WebSockets of other nodes' sessions, as part of a drain.
    ///
    /// - Returns: How many are left.
    func closeTunnels(atMost count: Int) -> Int {
        for tunnel in Array(tunnels.values.prefix(count)) {
            tunnel.end()
        }
        return tunnels.count
    }

    // MARK: Handshakes

    /// Calls `ticket` when a handshake may go on, at once or later, or with `false` when too many wait already.
    func admit(_ ticket: @escaping HandshakeAdmission.Ticket) {
        let wasWaiting = admission.waiting > 0
        switch admission.request(now: eventLoop.now, ticket: ticket) {
        case .admitted: _ = ticket(true)
        case .refused: _ = ticket(false)
        case .queued(let wait): if !wasWaiting { scheduleAdmission(wait) }
        }
    }

    private func scheduleAdmission(_ wait: TimeAmount) {
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        eventLoop.scheduleTask(in: wait) {
            let loop = bound.value
            for ticket in loop.admission.next(now: loop.eventLoop.now) where !ticket(true) {
                loop.admission.giveBack()
            }
            if loop.admission.waiting > 0 {
                loop.scheduleAdmission(HandshakeAdmission.wait)
            }
        }
    }

    // MARK: Flushing

    /// What a connection has to send leaves with one flush at the end of the loop's turn, however much it is.
    func wantsFlush(_ connection: EngineConnection) {
        if unflushed.isEmpty {
            let bound = NIOLoopBound(self, eventLoop: eventLoop)
            eventLoop.execute { bound.value.flush() }
        }
        unflushed.append(connection)
    }

    /// Holds on to something until all that connections have been given to send by now is flushed.
    package func keepUntilFlushed(_ object: AnyObject) {
        guard !unflushed.isEmpty else { return }
        keptUntilFlushed.append(object)
    }

    private func flush() {
        // What a flush makes others send waits for the next turn.
        swap(&unflushed, &flushing)
        let kept = keptUntilFlushed.count
        for connection in flushing {
            connection.flush()
        }
        flushing.removeAll(keepingCapacity: flushing.count <= 4_096)
        keptUntilFlushed.removeFirst(kept)
    }

    // MARK: Time

    func isAlive(_ connection: EngineConnection) {
        heartbeat.alive(connection.id, now: eventLoop.now)
        schedule()
    }

    func stalled(_ connection: EngineConnection) {
        stalled.insert(connection.id)
        schedule()
    }

    private func schedule() {
        var next = heartbeat.nextDeadline
        if !stalled.isEmpty {
            let check = eventLoop.now + .seconds(1)
            next = min(next ?? check, check)
        }
        guard let next else { return }
        if let timerDeadline, timerDeadline <= next { return }
        timer?.cancel()
        timerDeadline = next
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        timer = eventLoop.scheduleTask(deadline: next) { bound.value.tick() }
    }

    private func tick() {
        timerDeadline = nil
        let now = eventLoop.now
        while let action = heartbeat.next(now: now) {
            switch action {
            case .ping(let id, let deadline): connections[id]?.ping(pongBefore: deadline)
            case .due(let id, let deadline): connections[id]?.pongDue(deadline)
            }
        }
        if !stalled.isEmpty {
            let time = TimeAmount.nanoseconds(configuration.slowPeerTimeout.wholeMilliseconds * 1_000_000)
            for id in stalled where connections[id]?.closeIfStalled(for: time, now: now) != true {
                stalled.remove(id)
            }
        }
        schedule()
    }
}
