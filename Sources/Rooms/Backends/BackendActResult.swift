/// What became of a backend's act.
public enum BackendActResult: Sendable, Hashable {
    /// It is in the room's log at this position, now or since an earlier time with the same id.
    case applied(RoomPosition)
    /// It changed nothing.
    case refused(Refusal)
    /// Redis cannot be reached, or was too slow: the act may or may not be applied; the same id can be sent again.
    case unavailable(message: String)
}
