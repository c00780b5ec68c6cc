import RedisClient

/// One session in a node's sweep.
public struct SessionTouch: Sendable, Equatable {
    /// The session.
    public let handle: SessionHandle
    /// Whether its idle life slides: somebody with full rights is using it. An alias never slides.
    public let slides: Bool
    /// What every socket here knows of it: where the record is so, nothing else is asked. Nil where the whole answer is
    /// wanted.
    public let known: Known?

    /// What is known of a session. The generation alone is not enough: a Redis that came back from before may count
    /// another login by the same number.
    public struct Known: Sendable, Equatable {
        let generation: Int
        let userID: String?

        /// - Parameters:
        ///   - generation: that of the record.
        ///   - userID: who is logged in; nil when nobody is.
        public init(generation: Int, userID: String?) {
            self.generation = generation
            self.userID = userID
        }
    }

    /// - Parameters:
    ///   - handle: the session.
    ///   - slides: whether somebody with full rights is using it.
    ///   - known: what is known of it. Default: nothing.
    public init(_ handle: SessionHandle, slides: Bool, known: Known? = nil) {
        self.handle = handle
        self.slides = slides
        self.known = known
    }
}

/// What a session is at the moment of a touch.
public enum SessionState: Sendable, Equatable {
    /// There is no record: expired, revoked, evicted.
    case gone
    /// The record exists and is what the touch said: no login, logout or revocation since.
    case asKnown
    /// The record exists.
    ///
    /// - Parameters:
    ///   - generation: to be compared with what the sockets remember.
    ///   - userID: who is logged in; nil when nobody is.
    ///   - expires: the absolute end, in ms since 1970 by Redis's clock.
    ///   - isClaimed: false while a login has not been claimed: it lives 60 s past its last touch.
    case live(generation: Int, userID: String?, expires: Int, isClaimed: Bool)

    /// Whether this login still holds; one that the touch did not know of is not to be asked about after `asKnown`.
    public func holds(_ login: SessionGuard) -> Bool {
        switch self {
        case .gone: false
        case .asKnown: true
        case .live(let generation, let userID, _, _): generation == login.generation && userID == login.userID
        }
    }
}

extension SessionStore {
    private static let touchScript = RedisScript(name: "touch", source: PackageResources.touch_lua)
    /// How many sessions one script call takes.
    static let touchBatch = 256

    /// Slides sessions that are in use, where `seen` is older than a minute (less where the idle life is short), and says
    /// what each is by now, so that a sweep every 20 s notices within 30 s whatever the node was not told. What is gone
    /// stays gone. Works on a full Redis.
    ///
    /// - Parameter touches: any number; they go out in batches of 256, one after the other.
    /// - Returns: one state for each, in their order.
    public func touch(_ touches: [SessionTouch]) async throws(SessionError) -> [SessionState] {
        var states: [SessionState] = []
        states.reserveCapacity(touches.count)
        var rest = touches[...]
        while !rest.isEmpty {
            let batch = rest.prefix(Self.touchBatch)
            rest = rest.dropFirst(Self.touchBatch)
            var arguments: [RedisArgument] = [
                .integer(self.life.idle.milliseconds), .integer(self.life.grace.milliseconds),
                .integer(self.life.slideAfter.milliseconds),
            ]
            for touch in batch {
                arguments.append(touch.slides ? "1" : "0")
                arguments.append(touch.known.map { .string("\($0.generation) \($0.userID ?? "")") } ?? "")
            }
            let reply = try await self.run(
                Self.touchScript, keys: batch.map { self.keys.session($0.handle) }, arguments: arguments)
            guard reply.values.count == batch.count + 1 else { throw .unexpectedReply(of: "touch") }
            for value in reply.values.dropFirst() { states.append(try Self.state(value)) }
        }
        return states
    }

    /// Whether a request that used this session should slide it by `touch(_:)`: it has full rights, and `seen` is older
    /// than a minute (less where the idle life is short).
    public func isTouchDue(_ session: Session) -> Bool {
        session.rights == .full && session.now - session.seen >= self.life.slideAfter.milliseconds
    }

    private static func state(_ value: RedisValue) throws(SessionError) -> SessionState {
        if value.isNull { return .gone }
        if case .integer(1) = value { return .asKnown }
        guard let fields = value.array, fields.count == 5, let generation = ScriptReply.int(fields[1]),
            let expires = ScriptReply.int(fields[2])
        else { throw .unexpectedReply(of: "touch") }
        let isLoggedIn = fields[0].string == "1"
        return .live(
            generation: generation, userID: isLoggedIn ? fields[3].string : nil, expires: expires,
            isClaimed: ScriptReply.int(fields[4]) == 1)
    }
}
