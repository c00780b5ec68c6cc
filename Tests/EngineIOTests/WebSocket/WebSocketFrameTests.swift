import NIOCore
import TestSupport
import Testing

@testable import EngineIO

@Suite("WebSocket frames")
struct WebSocketFrameTests {
    private func bytes(_ write: (inout ByteBuffer) -> Void) -> [UInt8] {
        var buffer = ByteBuffer()
        write(&buffer)
        return Array(buffer.readableBytesView)
    }

    @Test("the examples of RFC 6455, 5.7, come out byte by byte")
    func examples() {
        let hello = ByteBuffer(string: "Hello")
        let key: UInt32 = 0x37FA_213D
        #expect(
            self.bytes { WebSocketFrame.writeText(hello, into: &$0) } == [0x81, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F])
        #expect(
            self.bytes { WebSocketFrame.writeText("Hello", into: &$0, maskKey: key) }
                == [0x81, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58])
        #expect(
            self.bytes { WebSocketFrame.writePing(hello, into: &$0) } == [0x89, 0x05, 0x48, 0x65, 0x6C, 0x6C, 0x6F])
        #expect(
            self.bytes { WebSocketFrame.writePong(hello, into: &$0, maskKey: key) }
                == [0x8A, 0x85, 0x37, 0xFA, 0x21, 0x3D, 0x7F, 0x9F, 0x4D, 0x51, 0x58])
    }

    @Test("the length takes its shortest form")
    func lengths() {
        let heads: [(Int, [UInt8])] = [
            (0, [0x82, 0]), (125, [0x82, 125]), (126, [0x82, 126, 0, 126]), (256, [0x82, 126, 1, 0]),
            (65_535, [0x82, 126, 0xFF, 0xFF]), (65_536, [0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0]),
        ]
        for (count, head) in heads {
            let payload = ByteBuffer(repeating: 0x2A, count: count)
            let frame = self.bytes { WebSocketFrame.writeBinary(payload, into: &$0) }
            #expect(Array(frame.prefix(head.count)) == head)
            #expect(frame.count == head.count + count)
            #expect(Array(WebSocketFrame.encodeBinary(payload).readableBytesView) == frame)
            #expect(
                Array(WebSocketFrame.encodeText(payload).readableBytesView) == [0x81] + frame.dropFirst(),
                "a broadcast's frame is the same")
        }
    }

    @Test("a close holds code and reason, none without a code, and cuts a long reason between two characters")
    func close() {
        #expect(self.bytes { WebSocketFrame.writeClose(code: nil, reason: "ignored", into: &$0) } == [0x88, 0])
        #expect(
            self.bytes { WebSocketFrame.writeClose(code: 1000, reason: "bye", into: &$0) }
                == [0x88, 5, 0x03, 0xE8, 0x62, 0x79, 0x65])
        let long = self.bytes {
            WebSocketFrame.writeClose(code: 1009, reason: String(repeating: "€", count: 60), into: &$0)
        }
        #expect(long == [0x88, 125, 0x03, 0xF1] + Array(String(repeating: "€", count: 41).utf8))
        let odd = self.bytes {
            WebSocketFrame.writeClose(code: 1009, reason: "a" + String(repeating: "€", count: 60), into: &$0)
        }
        #expect(odd == [0x88, 123, 0x03, 0xF1] + Array(("a" + String(repeating: "€", count: 40)).utf8))
    }

    @Test("frames joined in one buffer, masked or not, are read back as they were written")
    func roundTrip() throws {
        var generator = SeededGenerator(seed: 5)
        for role in [WebSocketParser.Role.server, .client] {
            var wire = ByteBuffer()
            var expected: [WebSocketParser.Event] = []
            for count in Array(0...140) + [65_535, 65_536, 70_001] {
                let key = role == .server ? UInt32.random(in: .min ... .max, using: &generator) : nil
                let text = ByteBuffer(repeating: UInt8(ascii: "t"), count: count)
                let data = ByteBuffer(bytes: (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) })
                WebSocketFrame.writeText(text, into: &wire, maskKey: key)
                WebSocketFrame.writeBinary(data, into: &wire, maskKey: key)
                expected += [.text(text), .binary(data)]
                if count <= 125 {
                    WebSocketFrame.writePing(data, into: &wire, maskKey: key)
                    WebSocketFrame.writePong(data, into: &wire, maskKey: key)
                    expected += [.ping(data), .pong(data)]
                }
            }
            WebSocketFrame.writeClose(code: 4000, reason: "fertig ✓", into: &wire, maskKey: 7)
            if role == .client { wire.moveWriterIndex(to: wire.writerIndex - 18) }
            var parser = WebSocketParser(role: role, maximumMessageBytes: 1 << 17)
            var events: [WebSocketParser.Event] = []
            while let event = try parser.next(&wire) {
                events.append(event)
            }
            if role == .server { expected.append(.close(code: 4000, reason: "fertig ✓")) }
            #expect(events == expected)
        }
    }

    @Test("the mask is applied to every length and offset as byte by byte")
    func mask() {
        for count in 0..<40 {
            for offset in 0..<9 {
                var bytes = (0..<count + offset).map { UInt8($0) }
                let key: [UInt8] = [0xDE, 0xAD, 0xBE, 0xEF]
                let expected = bytes[..<offset] + bytes[offset...].enumerated().map { $1 ^ key[$0 % 4] }
                bytes.withUnsafeMutableBytes {
                    WebSocketMask.apply(0xDEAD_BEEF, to: .init(rebasing: $0[offset...]))
                }
                #expect(bytes == Array(expected))
            }
        }
    }

    @Test("the accept value is that of RFC 6455, 1.3, and base64 that of RFC 4648, 10")
    func accept() {
        #expect(WebSocketAccept.value(forKey: "dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        let vectors = ["": "", "f": "Zg==", "fo": "Zm8=", "foo": "Zm9v", "foob": "Zm9vYg==", "foobar": "Zm9vYmFy"]
        for (plain, encoded) in vectors {
            #expect(WebSocketAccept.base64(Array(plain.utf8)) == encoded)
        }
    }
}
