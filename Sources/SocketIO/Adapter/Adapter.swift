/// The way to the other nodes. It carries messages whose meaning is the server's own.
///
/// An implementation over Redis is in `Cluster`; ``LocalAdapter`` is for a node that is alone.
public protocol Adapter: Sendable {
    /// Registers what performs the messages of all nodes, this one included. Called once, before the server runs.
    ///
    /// - Parameter perform: answers a question; nobody sees the answer of what is only told. Messages that one node told
    ///   are performed in their order, one after the other; questions at the same time.
    func receive(_ perform: @escaping @Sendable (JSONBytes) async -> JSONBytes)

    /// Tells all nodes, this one included, in one order for all, and does not wait until it is done there.
    func tell(_ message: JSONBytes) async throws(AdapterError)

    /// Asks all nodes, this one included.
    ///
    /// - Returns: as soon as all have answered, or after the time with the names of those that did not.
    func ask(_ question: JSONBytes, timeout: Duration) async throws(AdapterError) -> AdapterAnswers
}

/// What the nodes answered.
public struct AdapterAnswers: Sendable, Equatable {
    /// One of each node that answered, in no order.
    public var answers: [JSONBytes]
    /// Nodes that did not answer in time.
    public var missing: [String]

    public init(answers: [JSONBytes], missing: [String] = []) {
        self.answers = answers
        self.missing = missing
    }
}

/// Why something could not be brought to all nodes.
public struct AdapterError: Error, Sendable, CustomStringConvertible {
    /// What went wrong, for programs.
    public enum Code: Sendable, Equatable {
        /// The way to the other nodes is closed, now.
        case unavailable
        /// The message is larger than what may be sent.
        case tooLarge
        /// Some nodes did not answer in time.
        case missing
        /// More waits to be sent than is allowed.
        case overflow
    }

    /// What went wrong, for programs.
    public let code: Code
    /// What went wrong, for people.
    public let message: String
    /// What the way itself said, if it said something.
    public let underlying: (any Error)?

    public init(_ code: Code, _ message: String, underlying: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.underlying = underlying
    }

    static func missing(_ nodes: [String]) -> AdapterError {
        AdapterError(.missing, "these nodes did not answer in time: \(nodes.joined(separator: ", "))")
    }

    public var description: String { message }
}
