import NIOCore
import Testing

@testable import EngineIO

@Suite struct EngineProtocolTests {
    @Test(
        "a packet's type is its first digit, its payload the rest",
        arguments: [
            ("0", EnginePacketType.open, ""), ("1", .close, ""), ("2probe", .ping, "probe"), ("3", .pong, ""),
            ("42[\"a\"]", .message, "2[\"a\"]"), ("5", .upgrade, ""), ("6", .noop, ""),
        ])
    func types(text: String, type: EnginePacketType, payload: String) {
        #expect(EnginePacket(text: ByteBuffer(string: text)) == .text(type, ByteBuffer(string: payload)))
    }

    @Test("what begins with no known type is no packet", arguments: ["", "7", "b", " 4", "\u{0}", "é4"])
    func unknown(text: String) {
        #expect(EnginePacket(text: ByteBuffer(string: text)) == nil)
    }

    @Test("the open packet tells the limits in milliseconds and bytes")
    func openPacket() {
        let packet = OpenPacket(
            sid: "n1.abc", upgrades: [], pingInterval: .seconds(25), pingTimeout: .milliseconds(20_500),
            maximumPayloadBytes: 65_536)
        #expect(
            String(buffer: packet.encoded(allocator: ByteBufferAllocator()))
                == #"0{"sid":"n1.abc","upgrades":[],"pingInterval":25000,"pingTimeout":20500,"maxPayload":65536}"#)
    }

    @Test("a message encoded once is a frame, and a packet within it", arguments: [0, 1, 124, 125, 65_534, 65_535])
    func encodedMessage(length: Int) {
        let message = EncodedMessage(message: ByteBuffer(repeating: 0x61, count: length))
        let packet = [0x34] + [UInt8](repeating: 0x61, count: length)
        #expect(Array(message.packet.readableBytesView) == packet)
        #expect(Array(message.frame.readableBytesView) == TestFrame(opcode: 1, payload: packet).unmasked.wire)
    }

    @Test("a refusal's body is JSON whatever its text")
    func errorBody() {
        #expect(EngineError.unknownTransport.json == #"{"code":0,"message":"Transport unknown"}"#)
        #expect(
            EngineError(code: 3, message: "a \"quoted\" \\ text\n").json
                == #"{"code":3,"message":"a \"quoted\" \\ text "}"#)
    }

    @Test("128 bits are 22 characters of base64url, exactly")
    func base64URL() {
        #expect(SessionID.base64URL(0, 0) == "AAAAAAAAAAAAAAAAAAAAAA")
        #expect(SessionID.base64URL(.max, .max) == "_____________________w")
        #expect(SessionID.base64URL(0x0001_0203_0405_0607, 0x0809_0A0B_0C0D_0E0F) == "AAECAwQFBgcICQoLDA0ODw")
        #expect(SessionID.base64URL(0xFFEE_DDCC_BBAA_9988, 0x7766_5544_3322_1100) == "_-7dzLuqmYh3ZlVEMyIRAA")
        #expect(SessionID.base64URL(0, 1) == "AAAAAAAAAAAAAAAAAAAAAQ".dropLast(2) + "AQ")
    }

    @Test("session ids begin with the node's name, end with the loop, never repeat, and use every character")
    func randomSessionIDs() {
        let ids = (0..<20_000).map { _ in SessionID.random(node: "n1", loop: 7) }
        #expect(Set(ids.map(\.text)).count == ids.count)
        var seen = [Set<Character>](repeating: [], count: 22)
        for id in ids {
            #expect(id.text.hasPrefix("n1.") && id.text.utf8.count == 26 && id.text.hasSuffix("7"))
            for (place, character) in id.text.dropFirst(3).dropLast().enumerated() { seen[place].insert(character) }
        }
        #expect(seen.dropLast().allSatisfy { $0.count == 64 })
        #expect(seen.last?.count == 4)
    }

    @Test("a session id that was sent back names the same connection on the same loop")
    func sessionIDRead() {
        for loop in [0, 9, 10, 127] {
            let id = SessionID.random(node: "n1", loop: loop)
            #expect(SessionID(id.text) == id)
        }
    }

    @Test(
        "what no node can have made is no session id",
        arguments: [
            "", "n1", "n1.", ".AAECAwQFBgcICQoLDA0ODw0", "n1.AAECAwQFBgcICQoLDA0ODw", "n1.AAECAwQFBgcICQoLDA0OD",
            "n1.AAECAwQFBgcICQoLDA0ODwx", "n1.AAECAwQFBgcICQoLDA0ODw00000", "n1.AAECAwQFBg=ICQoLDA0ODw0",
            "n1.AAECAwQFBgcICQoLDA0ODw-1", "n1.AAECAwQFBgcICQoLDA0O\u{e9}0",
        ])
    func sessionIDForms(text: String) {
        #expect(SessionID(text) == nil)
    }

    @Test("a session id tells its node")
    func nodeOfSessionID() {
        #expect(SessionID.node(of: "n1.abc") == "n1")
        #expect(SessionID.node(of: ".abc") == nil)
        #expect(SessionID.node(of: "abc") == nil)
        #expect(SessionID.node(of: "") == nil)
    }
}
