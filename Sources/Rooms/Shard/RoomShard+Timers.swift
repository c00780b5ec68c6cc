import NIOCore

/// What is looked at from time to time: on the shard's event loop and nowhere else, since a thread that has to be woken for
/// it costs more than what is done. Tasks hear of it only when there is something for them.
extension RoomShard {
    /// How often nodes are looked at, and players' times.
    private static let presenceInterval = Duration.milliseconds(500)

    /// - Returns: To be cancelled.
    nonisolated func startTimers() -> [RepeatedTask] {
        [
            every(TickLease.interval) { shard in
                if shard.rooms.values.contains(where: { $0.ticksPerSecond > 0 }) { shard.leaseSignal.send() }
            },
            every(Self.presenceInterval) { shard in
                shard.lookAtNodes()
                if shard.isRenewalDue { shard.renewalSignal.send() }
            },
            every(context.limits.checkInterval) { shard in
                if !shard.rooms.isEmpty { shard.checkSignal.send() }
            },
        ]
    }

    private nonisolated func every(
        _ interval: Duration, _ body: @escaping @Sendable (isolated RoomShard) -> Void
    ) -> RepeatedTask {
        let time = TimeAmount(interval)
        return eventLoop.scheduleRepeatedTask(initialDelay: time, delay: time) { _ in self.onLoop(body) }
    }
}
