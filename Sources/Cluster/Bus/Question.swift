import SocketIO

/// A question that waits for its answers. Answers may come before it is known who has to answer.
struct Question {
    enum Action: Equatable {
        case none
        /// Every node answered.
        case complete
    }

    private struct Sender: Hashable {
        let node: NodeName
        let incarnation: Incarnation
    }

    /// Nobody asks more nodes than the registry lists.
    static let maximumAnswers = 512

    private var answers: [Sender: JSONBytes] = [:]
    private var expected: [NodeName: Incarnation]?

    /// - Parameter nodes: who has to answer.
    mutating func expect(_ nodes: [NodeName: Incarnation]) -> Action {
        expected = nodes
        return action
    }

    /// The first answer of a node counts.
    mutating func answered(by node: NodeName, _ incarnation: Incarnation, body: JSONBytes) -> Action {
        let sender = Sender(node: node, incarnation: incarnation)
        guard answers[sender] == nil, answers.count < Self.maximumAnswers else { return .none }
        answers[sender] = body
        return action
    }

    /// What there is now.
    var result: ClusterAnswers {
        var result = ClusterAnswers(answers: [:], missing: [])
        for (node, incarnation) in expected ?? [:] {
            if let body = answers[Sender(node: node, incarnation: incarnation)] {
                result.answers[node] = body
            } else {
                result.missing.append(node)
            }
        }
        result.missing.sort()
        return result
    }

    /// How many answers came from senders that were not asked.
    var strangers: Int {
        answers.keys.count { expected?[$0.node] != $0.incarnation }
    }

    private var action: Action {
        guard let expected else { return .none }
        return expected.allSatisfy { answers[Sender(node: $0.key, incarnation: $0.value)] != nil } ? .complete : .none
    }
}
