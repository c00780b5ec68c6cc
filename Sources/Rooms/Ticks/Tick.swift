/// One turn of a room's clock, as a game's decision sees it.
public struct Tick: Sendable, Hashable {
    /// Counts the turns since this node took over the room's clock, from 1; those that were skipped count too.
    public let number: Int
    /// How long a turn is: a second divided by the game's ``Game/ticksPerSecond``.
    public let interval: Duration
    /// Redis's time in milliseconds since 1970, a few milliseconds late at most; never before the turn that was before it.
    public let time: Int
    /// Where ``random`` begins.
    private let seed: UInt64

    public init(number: Int, interval: Duration, time: Int, seed: UInt64) {
        self.number = number
        self.interval = interval
        self.time = time
        self.seed = seed
    }

    /// Random numbers of this turn: others at each turn, the same when the turn is decided again.
    public var random: TickRandom { TickRandom(seed: seed &+ UInt64(bitPattern: Int64(number))) }
}

/// The random numbers of one turn, from its seed (SplitMix64). Not for secrets.
public struct TickRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(seed: UInt64) {
        // Seeds of turns that follow each other must not give sequences that do.
        state = Self.mix(seed)
    }

    public mutating func next() -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        return Self.mix(state)
    }

    private static func mix(_ value: UInt64) -> UInt64 {
        var value = value
        value = (value ^ (value >> 30)) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
        return value ^ (value >> 31)
    }
}
