import Metrics
import Synchronization

/// What the rooms of one node have done since it started.
public struct RoomStatistics: Sendable, Hashable {
    /// Rooms that are followed now.
    public var held = 0
    /// Acts that were answered with a version.
    public var acts = 0
    /// Acts that were refused by a game, a limit or the session check.
    public var refusals = 0
    /// Times that another node had changed what an act read.
    public var conflicts = 0
    /// Acts that could not be taken to Redis.
    public var unavailable = 0
    /// `patch` events.
    public var patches = 0
    /// `state` events.
    public var snapshots = 0
    /// Times that a room had missed versions and read them.
    public var gapsFilled = 0
    /// `cast` events that were passed on.
    public var casts = 0
    /// Messages and stored values that were not what a room writes; dropped.
    public var invalid = 0
    /// Decisions that took over a millisecond.
    public var slowDecisions = 0
    /// `presence` events to a room, those to a single socket not counted.
    public var presenceTold = 0
    /// Times that this node's part of a room's presence was written.
    public var presenceWritten = 0
    /// Times that all parts of a room's presence were read.
    public var presenceRead = 0
    /// Messages of presence that do not parse or come from no live node, and stored fields that are not ours; dropped.
    public var presenceInvalid = 0
    /// Rooms whose clock is this node's now.
    public var ticking = 0
    /// Ticks that were decided.
    public var ticks = 0
    /// Ticks that were due while another was on its way, or could not be taken to Redis.
    public var ticksSkipped = 0
    /// Rooms whose clock was another node's before.
    public var takeovers = 0
}

/// Counts for one node, from every event loop.
final class RoomCounters: Sendable {
    struct Count: ~Copyable, Sendable {
        private let value = Atomic<Int>(0)
        private let counter: Counter

        init(_ label: String) {
            counter = Counter(label: label)
        }

        func add(_ count: Int = 1) {
            value.wrappingAdd(count, ordering: .relaxed)
            counter.increment(by: count)
        }

        var current: Int { value.load(ordering: .relaxed) }
    }

    let acts = Count("rejoin_rooms_acts")
    let refusals = Count("rejoin_rooms_refusals")
    let conflicts = Count("rejoin_rooms_conflicts")
    let unavailable = Count("rejoin_rooms_acts_unavailable")
    let patches = Count("rejoin_rooms_patches")
    let snapshots = Count("rejoin_rooms_snapshots")
    let gapsFilled = Count("rejoin_rooms_gaps_filled")
    let casts = Count("rejoin_rooms_casts")
    let invalid = Count("rejoin_rooms_invalid_messages")
    let slowDecisions = Count("rejoin_rooms_slow_decisions")
    let presenceTold = Count("rejoin_rooms_presence_told")
    let presenceWritten = Count("rejoin_rooms_presence_written")
    let presenceRead = Count("rejoin_rooms_presence_read")
    let presenceInvalid = Count("rejoin_rooms_presence_invalid")
    let ticks = Count("rejoin_rooms_ticks")
    let ticksSkipped = Count("rejoin_rooms_ticks_skipped")
    let takeovers = Count("rejoin_rooms_tick_takeovers")
    private let held = Atomic<Int>(0)
    private let heldGauge = Gauge(label: "rejoin_rooms_held")
    private let ticking = Atomic<Int>(0)
    private let tickingGauge = Gauge(label: "rejoin_rooms_ticking")

    func hold(_ change: Int) {
        heldGauge.record(held.wrappingAdd(change, ordering: .relaxed).newValue)
    }

    func runClocks(_ change: Int) {
        tickingGauge.record(ticking.wrappingAdd(change, ordering: .relaxed).newValue)
    }

    var statistics: RoomStatistics {
        RoomStatistics(
            held: held.load(ordering: .relaxed), acts: acts.current, refusals: refusals.current,
            conflicts: conflicts.current, unavailable: unavailable.current, patches: patches.current,
            snapshots: snapshots.current, gapsFilled: gapsFilled.current, casts: casts.current,
            invalid: invalid.current, slowDecisions: slowDecisions.current,
            presenceTold: presenceTold.current, presenceWritten: presenceWritten.current,
            presenceRead: presenceRead.current, presenceInvalid: presenceInvalid.current,
            ticking: ticking.load(ordering: .relaxed), ticks: ticks.current, ticksSkipped: ticksSkipped.current,
            takeovers: takeovers.current)
    }
}
