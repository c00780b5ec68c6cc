/// Why an act was not applied; told to the player.
public struct Refusal: Error, Sendable, Hashable {
    /// The contract's error codes that a game may answer with.
    public enum Code: String, Sendable, Hashable {
        /// The action is not one of this game's.
        case badRequest = "bad_request"
        /// Not this player's to do.
        case forbidden
        /// What the action relied on is not so, or is no longer.
        case conflict
        /// Against the rules of the game.
        case rejected
        /// Beyond what a room may hold.
        case tooLarge = "too_large"
    }

    public let code: Code
    public let message: String

    public init(code: Code, message: String) {
        self.code = code
        self.message = message
    }

    public static func badRequest(_ message: String) -> Self { Self(code: .badRequest, message: message) }
    public static func forbidden(_ message: String) -> Self { Self(code: .forbidden, message: message) }
    public static func conflict(_ message: String) -> Self { Self(code: .conflict, message: message) }
    public static func rejected(_ message: String) -> Self { Self(code: .rejected, message: message) }
    public static func tooLarge(_ message: String) -> Self { Self(code: .tooLarge, message: message) }
}
