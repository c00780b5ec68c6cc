import NIOCore
import RedisClient

extension MicroBenchmark {
    static let redis = [
        MicroBenchmark("redis-reply", "parse the answer to a commit: an array of three strings and a number") { count in
            let wire = ByteBuffer(string: "*4\r\n" + bulk("applied") + bulk(replicationID) + bulk(epoch) + ":1234\r\n")
            return try parse(wire, count: count) { $0.array?.count == 4 }
        },
        MicroBenchmark("redis-message", "parse a message of a channel: a patch of 140 bytes") { count in
            let wire = ByteBuffer(string: "*3\r\n" + bulk("smessage") + bulk("rejoin:room:{lobby}") + bulk(patch(1)))
            return try parse(wire, count: count) { $0.array?.count == 3 }
        },
        MicroBenchmark("redis-room", "parse a whole room: 100 fields of 100 bytes") { count in
            let fields = (0..<100).map { bulk("field-\($0)") + bulk("\($0):\"\(text(100))\"") }
            let wire = ByteBuffer(string: "*200\r\n" + fields.joined())
            return try parse(wire, count: count) { $0.array?.count == 200 }
        },
    ]

    static let epoch = "Zx3k9QmT0aLw7RbY2cVu1d"
    static let replicationID = String(repeating: "0123456789", count: 4)

    static func text(_ length: Int) -> String {
        String(repeating: "abcdefghij", count: (length + 9) / 10)
    }

    /// What a room's channel says of the act that made this version.
    static func patch(_ version: Int) -> String {
        let (name, value) = ("score/\(version % 100)", "{\"text\":\"\(text(80))\"}")
        return "p \(epoch) \(version - 1) \(version) 1\n\(name.utf8.count) \(value.utf8.count) \(name)\(value)"
    }

    private static func bulk(_ text: String) -> String {
        "$\(text.utf8.count)\r\n\(text)\r\n"
    }

    private static func parse(
        _ wire: ByteBuffer, count: Int, isExpected: (RedisValue) -> Bool
    ) throws(RedisError) -> Int {
        var reader = ReplyReader(maximumReplyBytes: 1 << 20)
        var successes = 0
        for _ in 0..<count {
            var bytes = wire
            if let reply = try reader.next(&bytes), isExpected(reply) { successes += 1 }
        }
        return successes
    }
}
