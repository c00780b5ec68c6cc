package import NIOCore
package import RedisClient
package import SocketIO

/// One room on a stage without node, sockets or Redis: the same steps as ``RoomShard`` takes for an act and for a
/// message, between bytes that come in and bytes that go out. For measuring them. Confined to its thread.
package final class RoomRehearsal {
    private let limits = RoomLimits()
    private let prefix = "rejoin:"
    private let replicationID = String(repeating: "0", count: 40)
    private let game: any Game
    private let keys: RoomKeys
    private let replica: RoomReplica
    private let inFlight = ActsInFlight()

    package init(_ name: RoomName, game: any Game) {
        self.game = game
        self.keys = RoomKeys(prefix: prefix, room: name)
        self.replica = RoomReplica(name: name)
    }

    /// A message on the room's channel.
    ///
    /// - Returns: whether the room went on by it.
    package func received(_ message: ByteBuffer) -> Bool {
        guard case .patch(let patch)? = RoomMessage(message) else { return false }
        return replica.received(patch) == .advanced
    }

    /// The argument of the `patch` event that is due; nil when there is none.
    package func takePatch() -> ByteBuffer? {
        replica.takePatch()
    }

    /// Decides a player's act and writes the command that commits it.
    ///
    /// - Parameter commands: what is to be sent to Redis; the command is appended.
    /// - Returns: the act's place among those under way.
    /// - Throws: ``Refusal`` of an action that the game does not know, or refuses.
    package func commit(
        _ action: JSONBytes, id: ActID, by player: Player, session: SessionGuard, into commands: inout ByteBuffer
    ) throws(Refusal) -> Int {
        let act = Act(id: id, authority: .session(session), decision: try game.decision(action, by: player))
        let claim = inFlight.makeID()
        let verdict = Verdict(act.decision, of: game, in: replica, limits: limits)
        if let refusal = verdict.refusal { throw refusal }
        guard !inFlight.isBlocked(verdict.reads), !inFlight.isBarred(verdict.writes) else {
            throw .conflict("an act under way writes what this one reads")
        }
        inFlight.claim(claim, writes: verdict.writes)
        inFlight.wake()
        let call = CommitCall(
            act, verdict, keys: keys, prefix: prefix, limits: limits, replicationID: replicationID)
        commands.writeRedisScript(RoomScripts.commit, withSource: false, keys: call.keys, arguments: call.arguments)
        return claim
    }

    /// The answer to a commit.
    ///
    /// - Parameter claim: what ``commit(_:id:by:session:into:)`` returned.
    /// - Returns: the version that was applied; nil for any other answer.
    package func answered(_ reply: RedisValue, claim: Int) -> Int? {
        inFlight.release(claim)
        guard case .applied(let position)? = CommitReply.parse(reply)?.reply else { return nil }
        return position.version
    }
}
