import NIOCore
import SocketIO
import Testing

@testable import Cluster

@Suite("Messages of the bus")
struct BusMessageTests {
    private func message(_ text: String) -> BusMessage? { BusMessage(ByteBuffer(string: text)) }

    @Test("a message comes out as it went in")
    func roundTrip() throws {
        let node = try #require(NodeName("n1"))
        let body = try JSONBytes(validating: ByteBuffer(string: #"{"a":[1,"ü\n"]}"#))
        for message in [
            BusMessage(kind: "revoke", node: node, incarnation: .random()),
            BusMessage(kind: "revoke", node: node, incarnation: .random(), number: 7, isQuestion: true, body: body),
            BusMessage(kind: "answer", node: node, incarnation: .random(), number: .max, body: body),
        ] {
            #expect(BusMessage(message.encoded) == message)
        }
    }

    @Test("members of another version are ignored")
    func unknownMembers() {
        let text = #"{"v":9,"kind":"x","node":"a","incarnation":"0123456789abcdef","more":{"kind":"y"}}"#
        #expect(message(text)?.kind == "x")
    }

    @Test(
        "what is no message is none",
        arguments: [
            "", "null", "[]", "{}", "{", "\u{0}", #""kind""#,
            #"{"kind":"x","node":"a"}"#,
            #"{"kind":"x","incarnation":"0123456789abcdef"}"#,
            #"{"node":"a","incarnation":"0123456789abcdef"}"#,
            #"{"kind":"","node":"a","incarnation":"0123456789abcdef"}"#,
            #"{"kind":"a b","node":"a","incarnation":"0123456789abcdef"}"#,
            #"{"kind":1,"node":"a","incarnation":"0123456789abcdef"}"#,
            #"{"kind":"x","node":"A","incarnation":"0123456789abcdef"}"#,
            #"{"kind":"x","node":"a","incarnation":"0123456789ABCDEF"}"#,
            #"{"kind":"x","node":"a","incarnation":"0123456789abcdef","number":1e300}"#,
            #"{"kind":"x","node":"a","incarnation":"0123456789abcdef","number":"1"}"#,
            #"{"kind":"x","node":"a","incarnation":"0123456789abcdef","question":1}"#,
        ])
    func malformed(_ text: String) {
        #expect(message(text) == nil)
    }

    @Test("a message that is cut or changed anywhere never ends the process")
    func mutation() throws {
        let node = try #require(NodeName("n1"))
        let whole = BusMessage(
            kind: "revoke", node: node, incarnation: .random(), number: 3, isQuestion: true,
            body: JSONBytes(string: "ü\"")
        ).encoded
        for length in 0..<whole.readableBytes {
            #expect(BusMessage(whole.getSlice(at: 0, length: length) ?? ByteBuffer()) == nil)
        }
        for index in 0..<whole.readableBytes {
            for byte in [0, 0x22, 0x5c, 0x7b, 0x7d, 0x80, 0xff] as [UInt8] {
                var changed = whole
                changed.setInteger(byte, at: index)
                _ = BusMessage(changed)
            }
        }
    }
}
