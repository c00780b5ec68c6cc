import NIOCore
import Synchronization
import TestSupport
import Testing

@testable import EngineIO

@Suite("Messages encoded once")
struct EncodedMessageTests {
    private let deflate = WebSocketDeflate(WebSocketCompression(thresholdBytes: 100))

    private func events(_ frames: ByteBuffer) -> [WebSocketParser.Event] {
        var parser = WebSocketParser(role: .client, maximumMessageBytes: 1 << 20, inflater: deflate.inflater)
        let outcome = parser.collect([Array(frames.readableBytesView)])
        #expect(outcome.violation == nil)
        return outcome.events
    }

    @Test("packet and attachments are the same for everybody, compressed or not")
    func sameEvents() {
        let text = ByteBuffer(repeating: 0x61, count: 5_000)
        let attachments = [ByteBuffer(repeating: 1, count: 3_000), ByteBuffer(bytes: [1, 2, 3])]
        let message = EncodedMessage(message: text, attachments: attachments)
        let compressed = message.frame(compressedBy: deflate, windowBits: 15)
        #expect(compressed.readableBytes < 200)
        #expect(events(compressed) == events(message.frame))
        #expect(events(compressed).count == 3)
    }

    @Test("it is compressed once for all of its copies, and once more for a smaller window")
    func once() {
        let message = EncodedMessage(message: ByteBuffer(repeating: 0x61, count: 5_000))
        let copy = message
        func address(_ buffer: ByteBuffer) -> UInt {
            buffer.withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
        }
        let first = message.frame(compressedBy: deflate, windowBits: 15)
        let other = WebSocketDeflate(deflate.compression)
        #expect(address(copy.frame(compressedBy: other, windowBits: 15)) == address(first))
        let small = copy.frame(compressedBy: other, windowBits: 10)
        #expect(address(small) != address(first))
        #expect(address(message.frame(compressedBy: deflate, windowBits: 10)) == address(small))
        #expect(events(small) == events(first))
    }

    @Test("threads that ask at the same time get one answer")
    func concurrent() async {
        let message = EncodedMessage(message: ByteBuffer(repeating: 0x61, count: 60_000))
        let addresses = await withTaskGroup(of: UInt.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    let deflate = WebSocketDeflate(WebSocketCompression())
                    return message.frame(compressedBy: deflate, windowBits: 15)
                        .withUnsafeReadableBytes { UInt(bitPattern: $0.baseAddress) }
                }
            }
            return await group.reduce(into: Set<UInt>()) { $0.insert($1) }
        }
        #expect(addresses.count == 1)
    }

    @Test("below the threshold, and where compressing gains nothing, the plain frame goes to everybody")
    func plain() {
        var generator = SeededGenerator(seed: 11)
        let noise = ByteBuffer(bytes: (0..<5_000).map { _ in UInt8.random(in: 0...255, using: &generator) })
        for text in [ByteBuffer(), ByteBuffer(repeating: 0x61, count: 90), noise] {
            let message = EncodedMessage(message: text)
            #expect(message.frame(compressedBy: deflate, windowBits: 15) == message.frame)
        }
    }
}
