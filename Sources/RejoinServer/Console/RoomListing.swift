import Rooms

/// A room as operators see it in a list, of a command and of the admin API.
public struct RoomListing: Sendable, Encodable {
    /// Its name.
    public let room: String
    /// Within which its versions are counted.
    public let epoch: String
    /// 1 or more.
    public let version: Int
    /// How many fields it has.
    public let fields: Int
    /// Of all names and values of its fields.
    public let bytes: Int

    init(_ summary: RoomSummary) {
        room = summary.name.string
        epoch = summary.position.epoch
        version = summary.position.version
        fields = summary.fields
        bytes = summary.bytes
    }
}
