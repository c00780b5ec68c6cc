import CHiredis
package import NIOCore

/// Turns the bytes of a connection into replies, however they were split on their way. The parser is hiredis'.
///
/// An error sticks: after one, neither the reader nor the connection is of use.
package struct ReplyReader: ~Copyable {
    /// hiredis is slower, and quadratic on a line without end, when it is fed more at once.
    private static let maximumFeed = 16 << 10

    private let reader: UnsafeMutablePointer<redisReader>
    private let maximumReplyBytes: Int
    /// How many bytes were fed since the last whole reply.
    private var unfinishedBytes = 0

    /// - Parameter maximumReplyBytes: what one reply may have, all its parts together.
    package init(maximumReplyBytes: Int) {
        guard let reader = redisReaderCreate() else { preconditionFailure("out of memory") }
        self.reader = reader
        self.maximumReplyBytes = maximumReplyBytes
    }

    deinit {
        redisReaderFree(self.reader)
    }

    /// The next whole reply, or nil when more bytes are needed; then all of `bytes` was read.
    ///
    /// - Throws: `protocolViolation` when the bytes are not RESP2, nest arrays more than eight deep, or belong to a
    ///   reply of more than `maximumReplyBytes`.
    package mutating func next(_ bytes: inout ByteBuffer) throws(RedisError) -> RedisValue? {
        while true {
            var reply: UnsafeMutableRawPointer?
            guard redisReaderGetReply(self.reader, &reply) == REDIS_OK else { throw self.violation() }
            if let reply {
                defer { freeReplyObject(reply) }
                self.unfinishedBytes = self.reader.pointee.len - self.reader.pointee.pos
                return RedisValue(reply.assumingMemoryBound(to: redisReply.self))
            }
            guard bytes.readableBytes > 0 else { return nil }
            try self.feed(&bytes)
        }
    }

    private mutating func feed(_ bytes: inout ByteBuffer) throws(RedisError) {
        let count = min(bytes.readableBytes, Self.maximumFeed)
        // Whole replies were taken out before: these bytes are one reply's.
        guard self.unfinishedBytes <= self.maximumReplyBytes else {
            throw RedisError(
                code: .protocolViolation, message: "a reply is longer than \(self.maximumReplyBytes) bytes")
        }
        self.unfinishedBytes += count
        let result = bytes.withUnsafeReadableBytes { pointer in
            redisReaderFeed(self.reader, pointer.bindMemory(to: CChar.self).baseAddress, count)
        }
        guard result == REDIS_OK else { throw self.violation() }
        bytes.moveReaderIndex(forwardBy: count)
    }

    private func violation() -> RedisError {
        let text = withUnsafeBytes(of: self.reader.pointee.errstr) { bytes in
            String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        return RedisError(code: .protocolViolation, message: text)
    }
}

extension RedisValue {
    /// Copies the reply tree: all its byte strings into one buffer, which the value's parts are slices of.
    fileprivate init(_ reply: UnsafePointer<redisReply>) {
        var storage = ByteBuffer()
        let count = byteCount(reply)
        // Written completely before it is sliced: a slice would make the next write copy everything.
        if count > 0 {
            storage.reserveCapacity(count)
            storage.writeWithUnsafeMutableBytes(minimumWritableBytes: count) { copyBytes(of: reply, to: $0, at: 0) }
        }
        self.init(reply, readingFrom: &storage)
    }

    private init(_ reply: UnsafePointer<redisReply>, readingFrom storage: inout ByteBuffer) {
        switch reply.pointee.type {
        case REDIS_REPLY_STRING:
            self = .bytes(storage.readSlice(length: reply.pointee.len) ?? ByteBuffer())
        case REDIS_REPLY_INTEGER:
            self = .integer(Int(reply.pointee.integer))
        case REDIS_REPLY_STATUS:
            self = .status(text(reply))
        case REDIS_REPLY_ERROR:
            let words = text(reply).split(separator: " ", maxSplits: 1)
            self = .error(code: words.first.map(String.init) ?? "ERR", message: words.dropFirst().joined())
        case REDIS_REPLY_ARRAY:
            var elements: [RedisValue] = []
            elements.reserveCapacity(reply.pointee.elements)
            for index in 0..<reply.pointee.elements {
                guard let element = reply.pointee.element[index] else { continue }
                elements.append(RedisValue(element, readingFrom: &storage))
            }
            self = .array(elements)
        default:
            self = .null
        }
    }
}

private func byteCount(_ reply: UnsafePointer<redisReply>) -> Int {
    switch reply.pointee.type {
    case REDIS_REPLY_STRING: reply.pointee.len
    case REDIS_REPLY_ARRAY:
        UnsafeBufferPointer(start: reply.pointee.element, count: reply.pointee.elements)
            .reduce(0) { $0 + ($1.map { byteCount($0) } ?? 0) }
    default: 0
    }
}

/// - Returns: where the next byte goes.
private func copyBytes(of reply: UnsafePointer<redisReply>, to target: UnsafeMutableRawBufferPointer, at index: Int)
    -> Int
{
    switch reply.pointee.type {
    case REDIS_REPLY_STRING:
        let bytes = UnsafeRawBufferPointer(start: reply.pointee.str, count: reply.pointee.len)
        UnsafeMutableRawBufferPointer(rebasing: target[index...]).copyMemory(from: bytes)
        return index + bytes.count
    case REDIS_REPLY_ARRAY:
        var next = index
        for element in UnsafeBufferPointer(start: reply.pointee.element, count: reply.pointee.elements) {
            if let element { next = copyBytes(of: element, to: target, at: next) }
        }
        return next
    default:
        return index
    }
}

private func text(_ reply: UnsafePointer<redisReply>) -> String {
    String(decoding: UnsafeRawBufferPointer(start: reply.pointee.str, count: reply.pointee.len), as: UTF8.self)
}
