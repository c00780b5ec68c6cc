import NIOCore

/// When the next `patch` of a room leaves.
///
/// At rest at once. What changes while the last patch is still on its way to the sockets, or within the game's patch
/// interval, is told by one patch after it. After a patch that took long to send, the next waits for as long again: what
/// those who got it answer is then in the next one, not just too late for it.
struct PatchPace: Equatable {
    enum Action: Equatable {
        case none
        /// Sends what clients were not told yet; ``left(isAnyUntold:now:)`` says when that is done.
        case send
        /// ``timeCame(isAnyUntold:now:)`` is due then.
        case wait(until: NIODeadline)
    }

    /// A patch that was sent faster than this is not worth waiting after.
    static let leastSendingTime = TimeAmount.microseconds(100)
    /// However long the last patch took, the next waits no longer after it, but for the interval.
    static let longestPause = TimeAmount.milliseconds(10)

    /// The game's: from one patch to the next at least. Zero or more.
    let interval: TimeAmount
    private var lastSent: NIODeadline?
    private var isUnderWay = false
    private var isTimed = false
    private var earliest = NIODeadline.uptimeNanoseconds(0)

    init(interval: TimeAmount) {
        self.interval = interval
    }

    /// There is something that clients were not told yet.
    mutating func changed(now: NIODeadline) -> Action {
        guard !isUnderWay, !isTimed else { return .none }
        guard now >= earliest else {
            isTimed = true
            return .wait(until: earliest)
        }
        isUnderWay = true
        lastSent = now
        return .send
    }

    /// The time that was waited for has come.
    mutating func timeCame(isAnyUntold: Bool, now: NIODeadline) -> Action {
        isTimed = false
        return isAnyUntold ? changed(now: now) : .none
    }

    /// The patch that was on its way has been given to the network, on all event loops.
    mutating func left(isAnyUntold: Bool, now: NIODeadline) -> Action {
        guard isUnderWay, let lastSent else { return .none }
        isUnderWay = false
        let sendingTime = now - lastSent
        let pause = sendingTime < Self.leastSendingTime ? .zero : min(sendingTime, Self.longestPause)
        earliest = max(lastSent + interval, now + pause)
        return isAnyUntold ? changed(now: now) : .none
    }
}
