import NIOCore
import Testing

@testable import Bench

@Suite("What the generator reads out of a patch")
struct BenchPatchTests {
    private let text =
        #"42["patch",{"room":"bench-1","epoch":"abc","from":3,"version":5,"#
        + #""set":{"f1":[257,123456789,"xx"],"f2":[258,123456790,""]},"del":[]}]"#

    @Test("epoch, versions and the acts that were merged")
    func reading() {
        let patch = BenchPatch(ByteBuffer(string: self.text))
        #expect(patch?.epoch == "abc")
        #expect(patch?.from == 3)
        #expect(patch?.version == 5)
        #expect(
            patch?.acts == [
                BenchAct(number: 257, intended: 123_456_789), BenchAct(number: 258, intended: 123_456_790),
            ])
    }

    @Test("a patch of somebody else's fields carries no acts")
    func foreign() {
        let text =
            #"42["patch",{"room":"r","epoch":"e","from":0,"version":1,"set":{"score":[],"list":["a"]},"del":[]}]"#
        #expect(BenchPatch(ByteBuffer(string: text))?.acts == [])
    }

    @Test("what is cut off anywhere is no trap, and never has another version")
    func cut() {
        for length in 0..<self.text.utf8.count {
            let patch = BenchPatch(ByteBuffer(bytes: self.text.utf8.prefix(length)))
            if let patch { #expect(patch.from == 3 && patch.version == 5) }
        }
    }

    @Test("an act is read back from its own body")
    func roundTrip() {
        let act = BenchAct(number: 700, intended: 42)
        let body = act.body(room: "r", field: 188, padding: "xyz")
        #expect(body == #"{"room":"r","id":"b700","action":{"set":{"f188":[700,42,"xyz"]}}}"#)
    }

    @Test("there are fields for all acts that may be under way, and a room has place for them")
    func fields() {
        #expect(BenchAct.fields(padding: 0) == 1_000)
        for padding in [0, 100, 181, 1_000, 10_000] {
            let fields = BenchAct.fields(padding: padding)
            let act = BenchAct(number: 999_999_999, intended: 999_999_999_999_999_999)
            let body = act.body(room: "", field: fields - 1, padding: String(repeating: "x", count: padding))
            let frame = act.body(room: "", field: 0, padding: "").utf8.count
            #expect(fields > 0 && fields * (body.utf8.count - frame + 60) <= 256 * 1_024)
        }
    }

    @Test("versions whose acts a patch does not carry are counted")
    func unseen() {
        func message(_ version: Int) -> FanOutMessage? {
            let text = self.text.replacing(#""version":5"#, with: "\"version\":\(version)")
            return FanOutReader.patches.read(ByteBuffer(string: text))
        }
        #expect(message(5)?.unseen == 0)
        #expect(message(9)?.unseen == 4)
        #expect(message(4)?.unseen == 1)
    }
}
