import NIOCore
import Testing

@testable import Bench

@Suite("How another Socket.IO server is spoken to")
struct DialectTests {
    @Test("placeholders of an argument are filled wherever they stand, and nothing else")
    func template() {
        let template = ArgumentTemplate(#"{"to":"%room","n":%number,"who":"%socket","text":"<%stamp>","rate":"5 %"}"#)
        #expect(
            template.filled(room: "r-1", socket: "s", number: 7, stamp: "bench1:7:9:xx")
                == #"{"to":"r-1","n":7,"who":"s","text":"<bench1:7:9:xx>","rate":"5 %"}"#)
        #expect(template.hasStamp)
        #expect(!ArgumentTemplate(#"{"n":%number}"#).hasStamp)
        #expect(ArgumentTemplate("").filled(room: "r") == "")
        #expect(ArgumentTemplate("%room%room").filled(room: "é") == "éé")
    }

    @Test("an event is known by its packet's beginning, in its namespace only")
    func heads() {
        let root = EventHead("said", namespace: "/")
        #expect(root.begins(ByteBuffer(string: #"42["said",1]"#)))
        #expect(root.begins(ByteBuffer(string: #"42["said"]"#)))
        #expect(!root.begins(ByteBuffer(string: #"42["saids",1]"#)))
        #expect(!root.begins(ByteBuffer(string: #"42/game,["said",1]"#)))
        #expect(EventHead("said", namespace: "/game").begins(ByteBuffer(string: #"42/game,["said",1]"#)))
        let text = #"42["said""#
        for length in 0..<text.utf8.count { #expect(!root.begins(ByteBuffer(bytes: text.utf8.prefix(length)))) }
    }

    @Test("an event's name may hold what JSON escapes")
    func escaping() {
        #expect(EventHead.escaped("a\"b\\c\n\u{1}é") == #"a\"b\\c\u000a\u0001é"#)
    }

    @Test("a stamp is found wherever the server puts it, several too, and those of other runs are not")
    func stamps() {
        let format = StampFormat(run: "77", padding: 3)
        let first = BenchAct(number: 12, intended: 3_456)
        let second = BenchAct(number: 13, intended: 4_567)
        #expect(format.text(first) == "bench77:12:3456:xxx")
        let message = #"42["said",{"a":"\#(format.text(first))","b":["é\#(format.text(second))"]}]"#
        #expect(format.acts(in: ByteBuffer(string: message)) == [first, second])
        #expect(StampFormat(run: "7", padding: 3).acts(in: ByteBuffer(string: message)) == [])
    }

    @Test("a stamp that is cut off anywhere is no trap, and never another act")
    func cutStamps() {
        let format = StampFormat(run: "77", padding: 2)
        let act = BenchAct(number: 12, intended: 3_456)
        let text = "42[\"said\",\"\(format.text(act))\"]"
        for length in 0..<text.utf8.count {
            let acts = format.acts(in: ByteBuffer(bytes: text.utf8.prefix(length)))
            #expect(acts.isEmpty || acts == [act])
        }
    }

    @Test("what is missing to know an act again is said")
    func missing() {
        var dialect = Dialect()
        #expect(throws: BenchError.self) { try dialect.requireAct(delivered: false) }
        dialect.act = .init(event: "say", argument: #""%number""#)
        #expect(throws: Never.self) { try dialect.requireAct(delivered: false) }
        #expect(throws: BenchError.self) { try dialect.requireAct(delivered: true) }
        dialect.act = .init(event: "say", argument: #""%stamp""#)
        #expect(throws: BenchError.self) { try dialect.requireAct(delivered: true) }
        dialect.deliverEvent = "said"
        #expect(throws: Never.self) { try dialect.requireAct(delivered: true) }
    }
}
