import SocketIO
import Testing

@testable import Cluster

@Suite("A question and its answers")
struct QuestionTests {
    private let names = ["a", "b", "c"].compactMap { NodeName($0) }
    private let incarnations = (0..<3).map { _ in Incarnation.random() }

    private var everybody: [NodeName: Incarnation] { Dictionary(uniqueKeysWithValues: zip(names, incarnations)) }

    @Test("it is complete when everybody has answered, also those who answered before it was known who has to")
    func complete() {
        var question = Question()
        #expect(question.answered(by: names[0], incarnations[0], body: .true) == .none)
        #expect(question.expect(everybody) == .none)
        #expect(question.answered(by: names[1], incarnations[1], body: .true) == .none)
        #expect(question.result.missing == [names[2]])
        #expect(question.answered(by: names[2], incarnations[2], body: .false) == .complete)
        #expect(
            question.result
                == ClusterAnswers(answers: [names[0]: .true, names[1]: .true, names[2]: .false], missing: []))
    }

    @Test("an answer of another incarnation, or of nobody, does not count")
    func strangers() {
        var question = Question()
        #expect(question.expect([names[0]: incarnations[0]]) == .none)
        #expect(question.answered(by: names[0], incarnations[1], body: .true) == .none)
        #expect(question.answered(by: names[1], incarnations[1], body: .true) == .none)
        #expect(question.result == ClusterAnswers(answers: [:], missing: [names[0]]))
        #expect(question.strangers == 2)
    }

    @Test("the first answer of a node counts")
    func first() {
        var question = Question()
        #expect(question.answered(by: names[0], incarnations[0], body: .true) == .none)
        #expect(question.answered(by: names[0], incarnations[0], body: .false) == .none)
        #expect(question.expect([names[0]: incarnations[0]]) == .complete)
        #expect(question.result.answers == [names[0]: .true])
    }
}
