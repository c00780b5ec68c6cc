public import SocketIO

/// What the nodes answered to a question, and who did not.
public struct ClusterAnswers: Sendable, Equatable {
    /// By node, the asking one included.
    public var answers: [NodeName: JSONBytes]
    /// Live nodes that did not answer in time, in the order of their names.
    public var missing: [NodeName]

    public init(answers: [NodeName: JSONBytes], missing: [NodeName]) {
        self.answers = answers
        self.missing = missing
    }
}
