import NIOCore
@testable import Rooms
import SocketIO
import Testing

@Suite("Messages on a room's channel")
struct RoomMessageTests {
    @Test("a message is read as it was written, and cut anywhere it is refused")
    func patch() throws {
        let text = Array("p E-_1 7 8 3\n1 2 a422 0 é1 9 b{\"x\":[ ]}".utf8)
        let message = try #require(RoomMessage(ByteBuffer(bytes: text)))
        guard case .patch(let patch) = message else {
            Issue.record("\(message)")
            return
        }
        #expect(patch.epoch == "E-_1")
        #expect(patch.from == 7)
        #expect(
            patch.entry
                == RoomEntry(
                    version: 8,
                    changes: [
                        (FieldName("a"), try parsed("42")), (FieldName("é"), nil),
                        (FieldName("b"), try parsed("{\"x\":[ ]}")),
                    ]))
        for length in 0..<text.count {
            #expect(RoomMessage(ByteBuffer(bytes: text[..<length])) == nil, "cut after \(length)")
        }
        #expect(RoomMessage(ByteBuffer(bytes: text + [0x20])) == nil)
    }

    @Test("a cast keeps its socket and argument")
    func cast() throws {
        let argument = try parsed("{\"data\":1}")
        #expect(RoomMessage(RoomMessage.cast(argument, socket: "s 1")) == .cast(socket: "s 1", argument: argument))
        #expect(RoomMessage(RoomMessage.cast(argument, socket: "")) == .cast(socket: "", argument: argument))
    }

    @Test("mutated messages are refused or read, and never trap")
    func mutation() {
        let text = Array("p E 7 8 2\n1 2 a422 0 é".utf8)
        var random = SystemRandomNumberGenerator()
        for _ in 0..<50_000 {
            var mutated = text
            mutated[Int.random(in: 0..<mutated.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            mutated.remove(at: Int.random(in: 0..<mutated.count, using: &random))
            mutated.insert(
                text.randomElement(using: &random) ?? 0, at: Int.random(in: 0...mutated.count, using: &random))
            _ = RoomMessage(ByteBuffer(bytes: mutated))
        }
    }
}
