import NIOCore
import Testing

@testable import SocketIO

@Suite struct SocketPacketTests {
    private func packet(_ text: String) -> SocketPacket? { SocketPacket(ByteBuffer(string: text)) }

    private static let packets: [(String, SocketPacket.Kind, String, Int?, String)] = [
        ("0", .connect, "/", nil, ""), ("0{\"token\":null}", .connect, "/", nil, "{\"token\":null}"),
        ("0/admin,", .connect, "/admin", nil, ""), ("0/admin,{\"a\":1}", .connect, "/admin", nil, "{\"a\":1}"),
        ("0/admin?x=y,{}", .connect, "/admin", nil, "{}"), ("0/admin", .connect, "/admin", nil, ""),
        ("0/", .connect, "/", nil, ""),
        ("1", .disconnect, "/", nil, ""), ("1/admin,", .disconnect, "/admin", nil, ""),
        ("2[\"a\"]", .event, "/", nil, "[\"a\"]"), ("212[\"a\"]", .event, "/", 12, "[\"a\"]"),
        ("2/admin,12[\"a\"]", .event, "/admin", 12, "[\"a\"]"),
        ("29007199254740992[\"a\"]", .event, "/", 1 << 53, "[\"a\"]"),
        ("30[]", .acknowledgement, "/", 0, "[]"), ("4{}", .connectError, "/", nil, "{}"),
    ]

    @Test("a packet's header is type, namespace, acknowledgement id", arguments: packets)
    func headers(text: String, kind: SocketPacket.Kind, namespace: String, id: Int?, payload: String) {
        let packet = packet(text)
        #expect(packet?.kind == kind)
        #expect(packet?.namespace == namespace)
        #expect(packet?.acknowledgementID == id)
        #expect(packet.map { String(buffer: $0.payload) } == payload)
    }

    @Test(
        "what is no packet is refused",
        arguments: [
            "", "7", "x", "5", "5-", "5[\"a\"]", "6", "6-1[]", "5x-[\"a\"]", "599999999999999999999-[\"a\"]",
            "2100000000000000000000[\"a\"]", "29007199254740993[\"a\"]",
        ])
    func refused(text: String) {
        #expect(packet(text) == nil)
    }

    @Test("a binary packet says how many attachments follow")
    func attachments() throws {
        let event = try #require(packet(#"52-/chat,7["a",{"_placeholder":true,"num":0}]"#))
        #expect(event.kind == .binaryEvent && event.attachmentCount == 2 && event.namespace == "/chat")
        #expect(event.acknowledgementID == 7)
        #expect(packet("61-3[]")?.kind == .binaryAcknowledgement)
        #expect(packet("50-[\"a\"]")?.attachmentCount == 0)
    }

    @Test(
        "each attachment has one placeholder, each placeholder one attachment",
        arguments: [
            ("[\"a\",{\"_placeholder\":true,\"num\":0}]", true),
            ("[\"a\",{\"b\":[{\"num\":0,\"_placeholder\":true}]}]", true),
            ("[\"a\",{\"_placeholder\":true,\"num\":-1}]", false),
            ("[\"a\",{\"_placeholder\":true,\"num\":1}]", false),
            ("[\"a\",{\"_placeholder\":true,\"num\":1.5}]", false),
            ("[\"a\",{\"_placeholder\":true,\"num\":1e9}]", false),
            ("[\"a\",{\"_placeholder\":true,\"num\":\"0\"}]", false),
            ("[\"a\",{\"_placeholder\":true}]", false),
            ("[\"a\",{\"_placeholder\":true,\"num\":0,\"num\":0}]", false),
            ("[\"a\",{\"_placeholder\":true,\"num\":0},{\"_placeholder\":true,\"num\":0}]", false),
            ("[\"a\",{\"_placeholder\":false,\"num\":0}]", false),
            ("[\"a\"]", false), ("[\"a\"", false),
        ])
    func placeholders(array: String, isWhole: Bool) throws {
        #expect(try #require(packet("51-" + array)).hasMatchingPlaceholders == isWhole)
    }

    @Test("a namespace that is no UTF-8, or too long, is refused")
    func badNamespaces() {
        #expect(SocketPacket(ByteBuffer(bytes: [0x30, 0x2F, 0xFF, 0x2C])) == nil)
        #expect(packet("0/" + String(repeating: "n", count: 128) + ",") == nil)
        #expect(packet("0/" + String(repeating: "n", count: 127) + ",") != nil)
    }

    @Test(
        "an event's arguments lie where they were received: nothing is copied, and nothing parsed before it is asked for"
    )
    func slices() throws {
        let text = ByteBuffer(string: #"2/chat,7["act",{"room":"a","action":{"set":{"x":1}}}, [1,2]]"#)
        let packet = try #require(SocketPacket(text))
        let event = try #require(SocketEvent(packet))
        let room = try #require(try event.arguments().first?["room"])
        text.withUnsafeReadableBytes { received in
            room.buffer.withUnsafeReadableBytes { argument in
                #expect(argument.baseAddress == received.baseAddress?.advanced(by: 23))
            }
        }
        let broken = try #require(SocketPacket(ByteBuffer(string: #"2["act",{"never":looked at}]"#)))
        #expect(SocketEvent(broken)?.name == "act")
        #expect(throws: JSONError.self) { try SocketEvent(broken)?.arguments() }
    }

    @Test("an event is a name and arguments")
    func events() throws {
        let packet = try #require(self.packet(#"27["act",{"a":1},2]"#))
        let event = try #require(SocketEvent(packet))
        #expect(event.name == "act")
        #expect(try event.arguments().map(\.int) == [nil, 2])
        #expect(event.acknowledgementID == 7)
    }

    @Test(
        "what is no event of a client's is refused",
        arguments: [
            "2", "2[]", "2{}", "2[1]", "2[null]", "2[[\"a\"]]", "2[\"a\"", "2[\"a\"]x", "2[\"\\ud800\"]",
            "2[\"a\",1e400]",
            "2[\"connect\"]", "2[\"connect_error\"]", "2[\"disconnect\"]", "2[\"disconnecting\"]", "2[\"newListener\"]",
            "2[\"removeListener\"]", "2[\"\\u0063onnect\"]",
        ])
    func noEvents(text: String) throws {
        #expect(try arguments(try #require(packet(text))) == nil)
    }

    /// The arguments of an event, whose reader is told late what is no JSON; nil when there is none.
    private func arguments(_ packet: SocketPacket) throws -> [JSONBytes]? {
        do throws(JSONError) {
            return try SocketEvent(packet)?.arguments()
        } catch {
            return nil
        }
    }

    @Test("JSON nested 33 deep is refused, 32 deep is not")
    func depth() throws {
        func text(_ depth: Int) -> String {
            "2[\"a\"," + String(repeating: "[", count: depth - 1) + String(repeating: "]", count: depth - 1) + "]"
        }
        #expect(try arguments(try #require(packet(text(32)))) != nil)
        #expect(try arguments(try #require(packet(text(33)))) == nil)
    }
}
