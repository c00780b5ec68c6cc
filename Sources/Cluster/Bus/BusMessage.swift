import NIOCore
import SocketIO

/// What nodes publish to each other: a JSON object. Members of other versions are ignored.
struct BusMessage: Sendable, Equatable {
    static let canaryKind = "canary"
    static let answerKind = "answer"

    /// What it is about: 1 to 32 characters of `a`–`z`, `A`–`Z`, `0`–`9`, `.`, `_`, `-`.
    var kind: String
    var node: NodeName
    var incarnation: Incarnation
    /// The number of the question, of the question that is answered, or of the canary; 0 when it is none of these.
    var number: Int = 0
    /// Whether the sender waits for an answer.
    var isQuestion = false
    var body: JSONBytes = .null

    static func isKind(_ text: String) -> Bool {
        1...32 ~= text.utf8.count
            && text.utf8.allSatisfy {
                switch $0 {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }

    /// Nil when the bytes are no such message.
    init?(_ bytes: ByteBuffer) {
        // What a client sent may stand in it as deep as it may be by itself.
        guard let members = (try? JSONBytes(validating: bytes, maximumDepth: 64))?.members() else { return nil }
        var kind: String?
        var node: NodeName?
        var incarnation: Incarnation?
        for (key, value) in members {
            switch key {
            case "kind": kind = value.string
            case "node": node = value.string.flatMap { NodeName($0) }
            case "incarnation": incarnation = value.string.flatMap { Incarnation($0) }
            case "number":
                guard let number = value.int else { return nil }
                self.number = number
            case "question":
                guard let isQuestion = value.bool else { return nil }
                self.isQuestion = isQuestion
            case "body": body = value
            default: break
            }
        }
        guard let kind, Self.isKind(kind), let node, let incarnation else { return nil }
        self.kind = kind
        self.node = node
        self.incarnation = incarnation
    }

    init(
        kind: String, node: NodeName, incarnation: Incarnation, number: Int = 0, isQuestion: Bool = false,
        body: JSONBytes = .null
    ) {
        self.kind = kind
        self.node = node
        self.incarnation = incarnation
        self.number = number
        self.isQuestion = isQuestion
        self.body = body
    }

    var encoded: ByteBuffer {
        var object = JSONObjectWriter()
        object.member("kind", string: kind)
        object.member("node", string: node.description)
        object.member("incarnation", string: incarnation.description)
        if number != 0 { object.member("number", int: number) }
        if isQuestion { object.member("question", bool: true) }
        if !body.isNull { object.member("body", json: body) }
        return object.finish().buffer
    }
}
