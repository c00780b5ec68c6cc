/// A text is not the JSON that was expected.
public struct JSONError: Error, Sendable, Equatable, CustomStringConvertible {
    /// What is wrong and at which byte; never a part of the text itself.
    public let message: String

    public init(message: String) {
        self.message = message
    }

    public var description: String { message }
}
