import Logging
import NIOCore
import RedisClient
import Sessions
import SocketIO

/// Presence: what sockets do, what other nodes say, and what is told to clients.
extension RoomShard {
    /// Changes that come together are told together.
    private static let gathering: Duration = .milliseconds(50)
    /// Sockets of a room above which a mere number is told less often.
    private static let crowd = 1_000

    // MARK: Sockets

    func joined(_ held: HeldRoom, _ member: RoomMember) {
        held.presence.board.joined(member, now: context.clock.now)
        presenceChanged(held)
    }

    func departed(_ held: HeldRoom, _ member: RoomMember, _ departure: RoomDeparture) {
        held.presence.board.departed(member, departure, now: context.clock.now)
        presenceChanged(held)
    }

    func change(_ name: RoomName, from former: RoomMember, to member: RoomMember) {
        guard let held = rooms[name], former != member else { return }
        // First in, then out: a user that goes on by another name is not gone in between.
        held.presence.board.joined(member, now: context.clock.now)
        held.presence.board.departed(former, .left, now: context.clock.now)
        presenceChanged(held)
    }

    // MARK: Other nodes

    func received(_ message: PresenceMessage, _ held: HeldRoom) {
        guard message.node == context.nodes.own || isRegistered(message.node) else {
            context.counters.presenceInvalid.add()
            return
        }
        let presence = held.presence
        if presence.gone.remove(message.node) != nil {
            // It had ceased to follow the room, and follows it again.
            presence.silent.remove(message.node)
            lookAtNodes(held)
        }
        guard !presence.isReading, presence.isRead else {
            if presence.waiting.count < RoomPresence.maximumWaiting {
                presence.waiting.append(message)
            } else {
                presence.isDoubtful = true
            }
            return
        }
        switch presence.board.received(message, now: context.clock.now) {
        case .ignored: return
        case .gap: doubtPresence(held)
        case .taken: presenceChanged(held)
        }
    }

    func isLive(_ node: NodeStart, in held: HeldRoom) -> Bool {
        !held.presence.gone.contains(node) && isRegistered(node)
    }

    private func isRegistered(_ node: NodeStart) -> Bool {
        let now = ContinuousClock.now
        if let last = lastLive[node], now - last < context.limits.absence { return true }
        guard context.nodes.live().contains(node) else { return false }
        lastLive[node] = now
        return true
    }

    /// Takes notice of those that live and of those that do not any more.
    func lookAtNodes(_ held: HeldRoom) {
        let presence = held.presence
        presence.board.nodesLive({ isLive($0, in: held) }, now: context.clock.now)
        if presence.board.isBack({ isLive($0, in: held) }) { presence.isDoubtful = true }
    }

    func doubtPresence(_ held: HeldRoom) {
        held.presence.isDoubtful = true
        schedulePresence(held)
    }

    // MARK: When

    func presenceChanged(_ held: HeldRoom) {
        guard held.phase == .loaded else { return }
        schedulePresence(held)
        let presence = held.presence
        guard presence.board.hasNews else { return }
        let delay = presence.board.hasChangedUsers ? Self.gathering : numberInterval(held)
        let wanted = due(presence.lastTelling, after: delay)
        if let due = presence.tellingDue, due <= wanted { return }
        presence.tellingDue = wanted
        let name = held.name
        after(wanted) { shard in
            guard let held = shard.rooms[name], held.presence.tellingDue == wanted else { return }
            held.presence.tellingDue = nil
            shard.tellPresence(held)
        }
    }

    /// Has Redis told or asked as soon as it may be.
    func schedulePresence(_ held: HeldRoom) {
        let presence = held.presence
        guard held.phase == .loaded, presence.isDoubtful || presence.board.isUnwritten || !presence.board.spent.isEmpty
        else { return }
        let isUrgent = presence.isDoubtful || presence.board.hasUnwrittenUsers
        let wanted = due(presence.lastService, after: isUrgent ? Self.gathering : numberInterval(held))
        if let due = presence.serviceDue, due <= wanted { return }
        presence.serviceDue = wanted
        let name = held.name
        after(wanted) { shard in
            guard let held = shard.rooms[name], held.presence.serviceDue == wanted else { return }
            held.presence.serviceDue = nil
            guard !held.presence.isQueued else { return }
            held.presence.isQueued = true
            shard.presenceQueue.append(name)
            shard.presenceSignal.send()
        }
    }

    private func due(
        _ last: ContinuousClock.Instant?, after delay: Duration
    ) -> ContinuousClock.Instant {
        let soon = ContinuousClock.now + delay
        return last.map { max(soon, $0 + context.limits.presenceInterval) } ?? soon
    }

    private func numberInterval(_ held: HeldRoom) -> Duration {
        let board = held.presence.board
        return board.users.count + board.watchers > Self.crowd
            ? context.limits.crowdInterval : context.limits.presenceInterval
    }

    private func after(_ time: ContinuousClock.Instant, _ body: @escaping @Sendable (isolated RoomShard) -> Void) {
        eventLoop.scheduleTask(in: TimeAmount(max(.zero, time - .now))) { [weak self] in
            self?.assumeIsolated(body)
        }
    }

    private func tellPresence(_ held: HeldRoom) {
        guard held.phase == .loaded, let argument = held.presence.board.delta(in: held.name) else { return }
        held.presence.lastTelling = .now
        context.counters.presenceTold.add()
        context.audience.broadcast(event: "presence", argument: argument.buffer, to: held)
    }
}
