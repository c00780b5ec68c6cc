import Testing

@testable import Sessions

@Suite("Sessions that took another's place")
struct ReplacedSessionsTests {
    @Test("the session before is known for as long as there are not too many")
    func known() {
        let replaced = ReplacedSessions(maximum: 2)
        let handles = (0..<6).map { _ in SessionHandle.random() }
        replaced.note(handles[0], replacedBy: handles[1])
        #expect(replaced.session(before: handles[1]) == handles[0])
        #expect(replaced.session(before: handles[0]) == nil)
        replaced.note(handles[2], replacedBy: handles[2])
        #expect(replaced.session(before: handles[2]) == nil)
        for index in 2..<4 { replaced.note(handles[0], replacedBy: handles[index]) }
        #expect(replaced.session(before: handles[1]) == handles[0])
        for index in 4..<6 { replaced.note(handles[0], replacedBy: handles[index]) }
        #expect(replaced.session(before: handles[5]) == handles[0])
        #expect(replaced.session(before: handles[1]) == nil)
    }
}
