import EngineIO
import NIOCore

extension MicroBenchmark {
    static let webSocket = [
        MicroBenchmark("websocket-decode", "read a client's frame: masked text of 100 bytes") { count in
            try decode(text(100), count: count)
        },
        MicroBenchmark("websocket-decode-4k", "read a client's frame: masked text of 4,000 bytes") { count in
            try decode(text(4_000), count: count)
        },
        MicroBenchmark("websocket-encode", "write a server's frame: text of 100 bytes, in a buffer of its own") {
            count in
            let payload = ByteBuffer(string: text(100))
            var successes = 0
            for _ in 0..<count where WebSocketFrame.encodeText(payload).readableBytes == 102 { successes += 1 }
            return successes
        },
        MicroBenchmark("websocket-encode-masked", "write a client's frame: masked text of 100 bytes") { count in
            let payload = ByteBuffer(string: text(100))
            var frame = ByteBuffer()
            var successes = 0
            for _ in 0..<count {
                frame.clear()
                WebSocketFrame.writeText(payload, into: &frame, maskKey: 0x1234_5678)
                if frame.readableBytes == 106 { successes += 1 }
            }
            return successes
        },
    ]

    /// The storage of what is read is shared, as that of a channel's receive buffer is.
    private static func decode(_ text: String, count: Int) throws(WebSocketViolation) -> Int {
        var wire = ByteBuffer()
        WebSocketFrame.writeText(text, into: &wire, maskKey: 0x1234_5678)
        var parser = WebSocketParser(role: .server, maximumMessageBytes: 1 << 16)
        var successes = 0
        for _ in 0..<count {
            var bytes = wire
            if case .text(let message)? = try parser.next(&bytes), message.readableBytes == text.utf8.count {
                successes += 1
            }
        }
        return successes
    }
}
