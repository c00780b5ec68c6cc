import NIOCore
import Testing

@testable import Bench

@Suite("What the answer to an act says")
struct ActAnswerTests {
    @Test(
        "only what is refused for now is sent again",
        arguments: [
            (#"430[{"ok":true,"applied":true,"version":7}]"#, ActAnswer.applied(version: 7)),
            (#"430[{"ok":false,"error":"unavailable"}]"#, .later(#"430[{"ok":false,"error":"unavailable"}]"#)),
            (#"430[{"ok":false,"error":"rate_limited"}]"#, .later(#"430[{"ok":false,"error":"rate_limited"}]"#)),
            (#"430[{"ok":false,"error":"too_large"}]"#, .refused(#"430[{"ok":false,"error":"too_large"}]"#)),
            (#"430[{"ok":true}]"#, .refused(#"430[{"ok":true}]"#)),
            ("430[]", .refused("430[]")),
        ])
    func reading(_ text: String, _ answer: ActAnswer) {
        #expect(ActAnswer(ByteBuffer(string: text)) == answer)
    }
}
