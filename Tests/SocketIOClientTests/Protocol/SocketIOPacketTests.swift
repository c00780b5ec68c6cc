import NIOCore
import SocketIO
import TestSupport
import Testing

@testable import SocketIOClient

@Suite("Packets of a server")
struct SocketIOPacketTests {
    private func packet(_ text: String) throws -> SocketIOPacket { try SocketIOPacket(ByteBuffer(string: text)) }

    @Test("type, namespace, number, payload and attachments are read")
    func table() throws {
        for (text, kind, namespace, id, payload, attachments) in [
            (#"0{"sid":"a"}"#, SocketIOPacket.Kind.connect, "/", nil, #"{"sid":"a"}"#, 0),
            ("0", .connect, "/", nil, nil, 0),
            (#"0/chat,{"sid":"a"}"#, .connect, "/chat", nil, #"{"sid":"a"}"#, 0),
            ("0/chat?a=b,{}", .connect, "/chat", nil, "{}", 0),
            ("1", .disconnect, "/", nil, nil, 0),
            ("1/chat,", .disconnect, "/chat", nil, nil, 0),
            ("1/chat", .disconnect, "/chat", nil, nil, 0),
            (#"2["a",1]"#, .event, "/", nil, #"["a",1]"#, 0),
            (#"2/chat,12[ "a" ] "#, .event, "/chat", 12, #"[ "a" ]"#, 0),
            ("37[]", .acknowledgement, "/", 7, "[]", 0),
            (#"4{"message":"no"}"#, .connectError, "/", nil, #"{"message":"no"}"#, 0),
            (#"51-["a",{"_placeholder":true,"num":0}]"#, .binaryEvent, "/", nil, nil, 1),
            ("62-/chat,3[]", .binaryAcknowledgement, "/chat", 3, "[]", 2),
        ] as [(String, SocketIOPacket.Kind, String, Int?, String?, Int)] {
            let packet = try self.packet(text)
            #expect(packet.kind == kind, "\(text)")
            #expect(packet.namespace == namespace, "\(text)")
            #expect(packet.id == id, "\(text)")
            #expect(packet.attachments == attachments, "\(text)")
            if let payload {
                #expect(packet.payload.map { String(buffer: $0.buffer) } == payload, "\(text)")
            }
        }
    }

    @Test(
        "what is no packet is refused",
        arguments: [
            "", "7", "x", "2", "3", "4", "2[", "2[1]]", #"2["a",1e400]"#, "5[]", "51[]", "5-[]", "51025-[]",
            "299999999999999999999[]", "599999999999999999999-[]", "2[\"\\ud800\"]",
        ])
    func malformed(text: String) {
        #expect(throws: SocketIOPacket.Malformed.self) { try self.packet(text) }
    }

    @Test("cut at any byte or changed at random, a packet is read or refused, and never traps")
    func mutated() {
        let packets = [
            #"0/chat,{"sid":"a","pid":"b"}"#, #"52-/ä,17["a",{"_placeholder":true,"num":0},[1]]"#, "3812[{}]",
        ]
        var random = SeededGenerator(seed: 2)
        var (read, refused) = (0, 0)
        for packet in packets.map({ Array($0.utf8) }) {
            for end in 0..<packet.count { _ = try? SocketIOPacket(ByteBuffer(bytes: packet[..<end])) }
            for _ in 0..<20_000 {
                var changed = packet
                for _ in 0...Int.random(in: 0..<3, using: &random) {
                    changed[Int.random(in: 0..<changed.count, using: &random)] = .random(in: 0...255, using: &random)
                }
                do {
                    _ = try SocketIOPacket(ByteBuffer(bytes: changed))
                    read += 1
                } catch {
                    refused += 1
                }
            }
        }
        #expect(read > 0 && refused > 0)
    }

    @Test("a packet is whole when its attachments are there, in their order")
    func assembly() throws {
        var assembler = SocketIOPacketAssembler(maximumAttachmentBytes: 10)
        #expect(try assembler.textReceived(ByteBuffer(string: "2[\"a\"]"))?.kind == .event)
        #expect(try assembler.textReceived(ByteBuffer(string: "52-[\"b\"]"))?.kind == nil)
        #expect(try assembler.binaryReceived(ByteBuffer(bytes: [1]))?.1 == nil)
        let whole = try assembler.binaryReceived(ByteBuffer(bytes: [2]))
        #expect(whole?.0.kind == .binaryEvent)
        #expect(whole?.1 == [ByteBuffer(bytes: [1]), ByteBuffer(bytes: [2])])
        #expect(try assembler.textReceived(ByteBuffer(string: "50-[\"c\"]"))?.kind == .binaryEvent)
    }

    @Test("text amid attachments, an attachment of nothing, and too many bytes are refused")
    func badAssembly() throws {
        var assembler = SocketIOPacketAssembler(maximumAttachmentBytes: 10)
        #expect(throws: SocketIOPacket.Malformed.self) { try assembler.binaryReceived(ByteBuffer()) }
        #expect(try assembler.textReceived(ByteBuffer(string: "52-[\"b\"]"))?.kind == nil)
        #expect(throws: SocketIOPacket.Malformed.self) { try assembler.textReceived(ByteBuffer(string: "2[\"a\"]")) }
        #expect(try assembler.binaryReceived(ByteBuffer(repeating: 0, count: 6))?.1 == nil)
        #expect(throws: SocketIOPacket.Malformed.self) {
            try assembler.binaryReceived(ByteBuffer(repeating: 0, count: 5))
        }
    }
}

@Suite("Packets of the client")
struct SocketIOPacketWriterTests {
    @Test("events and acknowledgements carry namespace, number and the count of attachments")
    func packets() {
        let plain = EncodedArguments(raw: "1")
        let none = EncodedArguments(EventPayload())
        let binary = EncodedArguments(
            EventPayload([JSONBytes(string: "x"), .placeholder(0)], attachments: [ByteBuffer(bytes: [1, 2])]))
        func event(_ arguments: EncodedArguments, _ prefix: String, _ id: Int?) -> String {
            String(buffer: SocketIOPacketWriter.event("e\"", arguments, prefix: prefix, id: id))
        }
        #expect(event(plain, "", nil) == #"42["e\"",1]"#)
        #expect(event(none, "/a,", 12) == #"42/a,12["e\""]"#)
        #expect(event(binary, "/a,", 3) == #"451-/a,3["e\"","x",{"_placeholder":true,"num":0}]"#)
        #expect(binary.attachments == [ByteBuffer(bytes: [1, 2])])
        let acknowledgement = SocketIOPacketWriter.acknowledgement(7, binary, prefix: "")
        #expect(String(buffer: acknowledgement) == #"461-7["x",{"_placeholder":true,"num":0}]"#)
        #expect(String(buffer: SocketIOPacketWriter.acknowledgement(7, none, prefix: "/a,")) == "43/a,7[]")
    }

    @Test(
        "CONNECT carries auth, and what the server recovers the socket by",
        arguments: [
            (nil, nil, "40"), (#"{"a":1}"#, nil, #"40{"a":1}"#), ("", "p", #"40{"pid":"p"}"#),
            (nil, "p", #"40{"pid":"p"}"#), ("{}", "p", #"40{"pid":"p"}"#), ("{ }", "p", #"40{"pid":"p"}"#),
            (#" {"a":1}"#, "p", #"40{"pid":"p","a":1}"#), (#""text""#, "p", #"40"text""#),
        ] as [(String?, String?, String)])
    func connect(auth: String?, pid: String?, text: String) {
        let packet = SocketIOPacketWriter.connect(
            prefix: "", auth: auth.map { ByteBuffer(string: $0) }, recovery: pid.map { ($0, nil) })
        #expect(String(buffer: packet) == text)
    }

    @Test("CONNECT carries the last offset beside the pid")
    func offset() {
        let packet = SocketIOPacketWriter.connect(prefix: "/a,", auth: nil, recovery: ("p", "1-\"2"))
        #expect(String(buffer: packet) == #"40/a,{"pid":"p","offset":"1-\"2"}"#)
    }
}
