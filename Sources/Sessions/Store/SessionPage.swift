/// A part of a list of sessions.
public struct SessionPage: Sendable, Equatable {
    /// The sessions of this part; none is no sign of the end.
    public let records: [SessionRecord]
    /// Where the next part begins; nil after the last one.
    public let next: String?
}
