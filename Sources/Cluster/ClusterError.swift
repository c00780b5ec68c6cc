public import RedisClient

/// Why a node cannot be in the cluster, or why a message did not go out.
public struct ClusterError: Error, Sendable, CustomStringConvertible {
    public enum Code: Sendable, Equatable {
        /// Another node has this name, and lives; fatal for the node.
        case nameTaken
        /// Redis does not serve at the moment, or refuses.
        case unavailable
        /// The message is larger than a message may be.
        case tooLarge
        /// There is no node of that name.
        case unknownNode
        /// The node did not do it in time.
        case timeout
    }

    public let code: Code
    public let message: String
    /// What Redis said.
    public let underlying: RedisError?

    public init(_ code: Code, _ message: String, underlying: RedisError? = nil) {
        self.code = code
        self.message = message
        self.underlying = underlying
    }

    public var description: String { message }
}
