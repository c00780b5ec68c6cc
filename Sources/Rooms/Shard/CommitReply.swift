import RedisClient

/// What the commit script answered.
enum CommitReply {
    case sessionEnded
    /// The room's lease is not this node's any more.
    case leaseLost
    case known(RoomPosition)
    case applied(RoomPosition)
    /// A refusal that was decided on what is still true.
    case current
    case tooManyFields
    case tooManyBytes
    case tooManyRooms(retryAfter: Duration)
    case conflict(RoomReading)

    /// - Returns: nil for what the script does not answer; and the replication id it says, where it says one.
    static func parse(_ value: RedisValue) -> (reply: CommitReply, replicationID: String?)? {
        guard let values = value.array, let kind = values.first?.string else { return nil }
        let replicationID = values.count > 1 ? values[1].string : nil
        switch kind {
        case "session":
            return (.sessionEnded, nil)
        case "lease":
            return (.leaseLost, nil)
        case "known":
            guard values.count == 3, let epoch = values[1].string, let version = values[2].int else { return nil }
            return (.known(RoomPosition(epoch: epoch, version: version)), nil)
        case "applied":
            guard values.count == 4, let epoch = values[2].string, let version = values[3].int else { return nil }
            return (.applied(RoomPosition(epoch: epoch, version: version)), replicationID)
        case "current":
            return (.current, replicationID)
        case "too_large":
            guard values.count == 3 else { return nil }
            return (values[2].string == "fields" ? .tooManyFields : .tooManyBytes, replicationID)
        case "too_many_rooms":
            guard values.count == 3, let wait = values[2].int else { return nil }
            return (.tooManyRooms(retryAfter: .milliseconds(max(1, wait))), replicationID)
        case "conflict":
            guard let reading = RoomReading(values.dropFirst(2)) else { return nil }
            return (.conflict(reading), replicationID)
        default:
            return nil
        }
    }
}
