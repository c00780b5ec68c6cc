/// A room cannot be served.
public struct RoomError: Error {
    public enum Code: String, Sendable, Hashable {
        /// Redis is away, too slow, or refuses.
        case unavailable
        /// Nobody of this node has entered the room.
        case notJoined = "not_joined"
    }

    public let code: Code
    public let message: String
    public let underlying: (any Error)?

    public init(code: Code, message: String, underlying: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.underlying = underlying
    }

    static func unavailable(_ underlying: (any Error)? = nil) -> Self {
        Self(code: .unavailable, message: "the room cannot be reached at the moment", underlying: underlying)
    }

    static let notJoined = Self(code: .notJoined, message: "the room was not joined")
}
