import NIOCore
import TestSupport
import Testing

@testable import SocketIO

@Suite("Mutated packets and JSON")
struct SocketIOFuzzTests {
    private struct Wrong: Error, CustomStringConvertible {
        let description: String
    }

    private static let mostGrowth = 32 << 20

    private static let packets = [
        #"20["act",{"room":"a","id":"1","action":{"set":{"x":[1,2.5e3,"\u00e9"]}}}]"#, #"0/admin,{"token":null}"#,
        #"31[{"ok":true}]"#, #"51-["a",{"_placeholder":true,"num":0}]"#, "1/admin,",
        #"62-/chat,12[{"b":[{"_placeholder":true,"num":1}]},{"num":0,"_placeholder":true}]"#,
        #"2["say","ä😀\ud83d\ude00"]"#,
    ].map { Array($0.utf8) }

    private static let texts = [
        #"{"a":[1.5e3,-20,"\uD83D\uDE00é\n",true,null],"b":{"c":"12345678","a":[[]]}}"#, #"[{},{"":""},0,-0.0,1E-5]"#,
        #" { "x" : [ false , "\"\\\/\b\f\r\t" ] } "#, "\"é\u{7FF}\u{800}\u{10000}\"", "-123456789012345678901234567890",
    ].map { Array($0.utf8) }

    private func encode(_ packet: SocketPacket) -> ByteBuffer {
        var buffer = ByteBuffer(integer: packet.kind.rawValue)
        if packet.kind.isBinary { buffer.writeString("\(packet.attachmentCount)-") }
        buffer.writeString(packet.namespace + ",")
        if let id = packet.acknowledgementID { buffer.writeString("\(id)") }
        buffer.writeImmutableBuffer(packet.payload)
        return buffer
    }

    @Test("packets are read or refused, and what was read is written and read again")
    func packets() throws {
        var fuzz = Fuzz(seed: 41)
        var (read, events) = (0, 0)
        let growth = try Fuzz.memoryGrowth(rounds: Fuzz.socketPacketRounds) { round in
            let bytes = fuzz.mutant(of: Self.packets)
            guard let packet = SocketPacket(ByteBuffer(bytes: bytes)) else { return }
            read += 1
            guard SocketPacket(encode(packet)) == packet else {
                throw Wrong(description: "round \(round): written again it is another packet: \(bytes)")
            }
            if packet.kind.isBinary, packet.attachmentCount <= 10 { _ = packet.hasMatchingPlaceholders }
            guard let event = SocketEvent(packet), let payload = try? event.payload() else { return }
            events += 1
            payload.arguments.forEach(Self.read)
            let written = PacketWriter.event(
                namespace: packet.namespace, array: JSONBytes(event: event.name, payload), attachments: 0,
                acknowledgementID: packet.acknowledgementID)
            let again = SocketPacket(written).flatMap { SocketEvent($0) }
            guard again?.name == event.name, try again?.arguments() == payload.arguments else {
                throw Wrong(description: "round \(round): written again it is another event: \(bytes)")
            }
        }
        #expect(read > Fuzz.socketPacketRounds / 2 && events > Fuzz.socketPacketRounds / 100)
        #expect(growth < Self.mostGrowth)
    }

    @Test("JSON is read or refused, and what was read is the same text when it is written without white space")
    func json() throws {
        var fuzz = Fuzz(seed: 42)
        var valid = 0
        let growth = try Fuzz.memoryGrowth { round in
            let bytes = fuzz.mutant(of: Self.texts)
            guard let json = try? JSONBytes(validating: ByteBuffer(bytes: bytes)) else { return }
            valid += 1
            Self.read(json)
            let minified = json.minified()
            guard json.isEquivalent(to: minified), try JSONBytes(validating: minified.buffer) == minified,
                String(validating: bytes, as: UTF8.self) != nil
            else {
                throw Wrong(description: "round \(round): \(bytes)")
            }
        }
        #expect(valid > Fuzz.rounds / 20 && valid < Fuzz.rounds)
        #expect(growth < Self.mostGrowth)
    }

    /// Asks for everything that is in a value.
    private static func read(_ json: JSONBytes) {
        _ = (json.int, json.double, json.string, json.bool)
        json.elements()?.forEach(read)
        json.members()?.forEach { read($0.value) }
    }
}
