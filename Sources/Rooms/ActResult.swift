/// What became of an act.
public enum ActResult: Sendable, Hashable {
    /// It is in the room's log as this version, now or since an earlier time with the same id.
    case applied(version: Int)
    /// It changed nothing.
    case refused(Refusal)
    /// It would have begun a room, and the user has begun too many.
    case tooManyRooms(retryAfter: Duration)
    /// The session is not logged in any longer as the socket remembers it; nothing was applied.
    case sessionEnded
    /// Redis cannot be reached, or was too slow: the act may or may not be applied; the same id can be sent again.
    case unavailable(message: String)
}
