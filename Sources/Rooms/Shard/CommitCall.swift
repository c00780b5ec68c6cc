import RedisClient
import SocketIO

/// One call of the commit script: its keys and arguments, as the script's header names them.
struct CommitCall {
    let keys: [String]
    let arguments: [RedisArgument]

    /// - Parameters:
    ///   - prefix: before every key.
    ///   - replicationID: that of the Redis that the room is believed to be in.
    init(
        _ act: Act, _ verdict: Verdict, keys: RoomKeys, prefix: String, limits: RoomLimits, replicationID: String
    ) {
        let (right, newRooms) = Self.rightKeys(act.authority, keys, prefix)
        self.keys = [keys.room, keys.log, keys.acts, right, newRooms]
        self.arguments = Self.arguments(act, verdict, keys, limits, replicationID)
    }

    /// What gives the right to act, and what counts the rooms that its user began.
    private static func rightKeys(
        _ authority: ActAuthority, _ keys: RoomKeys, _ prefix: String
    ) -> (right: String, newRooms: String) {
        switch authority {
        case .session(let session):
            (
                RoomKeys.session(prefix: prefix, handle: session.handle),
                RoomKeys.newRooms(prefix: prefix, userID: session.userID)
            )
        case .lease: (keys.tick, keys.tick)
        case .backend: (keys.room, keys.room)
        }
    }

    private static func arguments(
        _ act: Act, _ verdict: Verdict, _ keys: RoomKeys, _ limits: RoomLimits, _ replicationID: String
    ) -> [RedisArgument] {
        let reads = verdict.reads
        let (kind, proof): (RedisArgument, RedisArgument) =
            switch act.authority {
            case .session(let session): ("session", .integer(session.generation))
            case .lease(let token): ("lease", .string(token))
            case .backend(let label): ("backend", .string(label?.rawValue ?? ""))
            }
        var arguments: [RedisArgument] = [
            .string(keys.channelName), .string(act.id?.rawValue ?? ""), .string(act.authority.userID), kind, proof,
            .string(replicationID), .string(RoomContext.freshEpoch()),
            .string(verdict.position.epoch), .integer(verdict.position.version),
            .integer(reads.isWhole ? 1 : reads.fields.count), verdict.refusal == nil ? "act" : "refusal",
            .integer(limits.idle.milliseconds), .integer(limits.logLength), .integer(limits.maximumFields),
            .integer(limits.maximumRoomBytes),
            .integer(act.isTick ? TickLease.life.milliseconds : limits.newRoomsPerHour),
        ]
        if reads.isWhole {
            arguments.append("")
            arguments.append(.integer(reads.wholeVersion))
        } else {
            for (name, version) in reads.fields {
                arguments.append(.string(name.text))
                arguments.append(.integer(version))
            }
        }
        for (name, value) in verdict.changes {
            arguments.append(.string(name.text))
            arguments.append(value.map { .bytes($0.buffer) } ?? "")
        }
        return arguments
    }
}
