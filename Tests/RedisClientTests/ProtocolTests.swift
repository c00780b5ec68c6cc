import NIOCore
import Testing

@testable import RedisClient

@Suite("RESP2")
struct ProtocolTests {
    @Test("commands are arrays of byte strings")
    func encoding() {
        var buffer = ByteBuffer()
        buffer.writeRedisCommand("SET", ["ä", .bytes(ByteBuffer(string: "\r\n")), .integer(-10), .integer(0)])
        #expect(
            String(buffer: buffer)
                == "*5\r\n$3\r\nSET\r\n$2\r\nä\r\n$2\r\n\r\n\r\n$3\r\n-10\r\n$1\r\n0\r\n")
    }

    @Test("arguments of any length and any integer are written whole")
    func lengths() {
        for count in [0, 1, 9, 10, 99, 100, 70_000] {
            let text = String(repeating: "x", count: count)
            for argument in [RedisArgument.string(text), .bytes(ByteBuffer(string: text))] {
                var buffer = ByteBuffer()
                buffer.writeRedisArgument(argument)
                #expect(String(buffer: buffer) == "$\(count)\r\n\(text)\r\n")
            }
        }
        for number in [Int.min, -1, 0, 9, 10, 1_000_000_000, Int.max] {
            var buffer = ByteBuffer()
            buffer.writeRedisArgument(.integer(number))
            #expect(String(buffer: buffer) == "$\("\(number)".utf8.count)\r\n\(number)\r\n")
        }
        let script = RedisScript(name: "s", source: Array("return 1".utf8))
        var buffer = ByteBuffer()
        buffer.writeRedisScript(script, withSource: true, keys: ["k"], arguments: [7])
        #expect(
            String(buffer: buffer)
                == "*5\r\n$4\r\nEVAL\r\n$8\r\nreturn 1\r\n$1\r\n1\r\n$1\r\nk\r\n$1\r\n7\r\n")
    }

    @Test("a script's digest is its SHA-1 (RFC 3174, 7.3)")
    func digest() {
        #expect(RedisScript(name: "x", source: Array("abc".utf8)).sha1 == "a9993e364706816aba3e25717850c26c9cd0d89d")
    }

    @Test("random damage to a reply gives a value or an error, never a trap")
    func mutation() {
        let valid = Array("*3\r\n$5\r\nhello\r\n*2\r\n:1\r\n+OK\r\n$-1\r\n-ERR x\r\n$0\r\n\r\n".utf8)
        var random = SplitMix(state: 20_240_607)
        for _ in 0..<20_000 {
            var bytes = valid
            for _ in 0..<Int.random(in: 1...3, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] =
                    Bool.random(using: &random)
                    ? UInt8.random(in: 0...255, using: &random) : valid.randomElement(using: &random) ?? 0
            }
            var reader = ReplyReader(maximumReplyBytes: 1 << 16)
            var buffer = ByteBuffer(bytes: bytes)
            do throws(RedisError) {
                while try reader.next(&buffer) != nil {}
                #expect(buffer.readableBytes == 0)
            } catch {
                #expect(error.code == .protocolViolation)
            }
        }
    }

    @Test("pauses grow to two seconds, are never longer, and start anew after a connection that lasted")
    func backoff() {
        var backoff = Backoff()
        var highest = HighestGenerator()
        let delays = (0..<9).map { _ in backoff.delay(afterServing: nil, using: &highest) }
        #expect(delays.map { Int(($0 / .milliseconds(1)).rounded()) } == [20, 40, 80, 160, 320, 640, 1280, 2000, 2000])
        #expect(backoff.delay(afterServing: .milliseconds(5), using: &highest) > .milliseconds(1999))
        #expect(backoff.delay(afterServing: .seconds(60), using: &highest) < .milliseconds(21))
    }
}

private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        self.state &+= 0x9e37_79b9_7f4a_7c15
        var value = self.state
        value = (value ^ value >> 30) &* 0xbf58_476d_1ce4_e5b9
        value = (value ^ value >> 27) &* 0x94d0_49bb_1331_11eb
        return value ^ value >> 31
    }
}

private struct HighestGenerator: RandomNumberGenerator {
    mutating func next() -> UInt64 { .max - 1 }
}
