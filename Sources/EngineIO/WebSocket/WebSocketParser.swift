package import NIOCore

/// Reads WebSocket frames (RFC 6455) and yields whole messages. Pure: no channel, no clock.
///
/// It accepts nothing that the standard forbids; the one extension that it knows, where it is given an inflater, is
/// permessage-deflate without context takeover (RFC 7692). An idle parser is a few words; memory is held only while a
/// fragmented message is incomplete, and then at most the limit of a message (an eighth more of a compressed one).
///
/// After a close frame or a violation the connection is over: further bytes are thrown away unread.
package struct WebSocketParser {
    /// Whose frames are read.
    package enum Role: Sendable {
        /// We are the server: frames must be masked.
        case server
        /// We are the client: frames must not be masked.
        case client
    }

    package enum Event: Equatable {
        /// A whole message, valid UTF-8.
        case text(ByteBuffer)
        case binary(ByteBuffer)
        case ping(ByteBuffer)
        case pong(ByteBuffer)
        /// The peer's close frame. The code is nil where the frame was empty.
        case close(code: UInt16?, reason: String)
    }

    /// A message of which fragments are missing.
    private final class Incomplete {
        let isText: Bool
        let isCompressed: Bool
        var bytes = ByteBuffer()
        var fragments = 0
        var utf8 = UTF8Validator()

        init(isText: Bool, isCompressed: Bool) {
            self.isText = isText
            self.isCompressed = isCompressed
        }
    }

    /// A receive buffer up to this size may be kept by a shorter message.
    private static let largestLooseBytes = 512

    private let maximumMessageBytes: Int
    private let maximumFragments: Int32
    private let isServer: Bool
    private var isOver = false
    private var incomplete: Incomplete?
    private let inflater: MessageInflater?

    /// - Parameters:
    ///   - role: which side we are.
    ///   - maximumMessageBytes: the payload of one message, all fragments together and inflated; more is a 1009.
    ///   - maximumFragments: frames of one message, empty ones too; more is a 1008.
    ///   - inflater: that of the event loop, where permessage-deflate was agreed on. Without one, a compressed message
    ///     is a 1002.
    package init(
        role: Role, maximumMessageBytes: Int, maximumFragments: Int = 64, inflater: MessageInflater? = nil
    ) {
        precondition(maximumMessageBytes >= 0 && maximumFragments >= 1, "limits of a WebSocket must not be negative")
        self.isServer = role == .server
        self.maximumMessageBytes = maximumMessageBytes
        self.maximumFragments = Int32(clamping: maximumFragments)
        self.inflater = inflater
    }

    /// Consumes frames from the front of `bytes` until one of them completes an event. Nil: more bytes are needed; the
    /// incomplete frame stays in `bytes`, unread.
    ///
    /// Masked payloads are unmasked in place, for all whole frames in `bytes` at once, and events are slices of it.
    /// Where the storage of `bytes` is shared, or much larger than what is in it, `bytes` becomes a copy of the right size
    /// first: one allocation a read, and a message that is kept does not keep a large receive buffer.
    package mutating func next(_ bytes: inout ByteBuffer) throws(WebSocketViolation) -> Event? {
        while !self.isOver {
            do throws(WebSocketViolation) {
                guard let header = try self.header(in: bytes) else { return nil }
                let frameBytes = header.headerBytes + header.payloadBytes
                guard bytes.readableBytes >= frameBytes else { return nil }
                if header.maskKey != 0 {
                    self.unmaskWholeFrames(in: &bytes)
                }
                bytes.moveReaderIndex(forwardBy: header.headerBytes)
                guard let payload = bytes.readSlice(length: header.payloadBytes) else { return nil }
                if let event = try self.event(header, payload) {
                    return event
                }
            } catch {
                self.isOver = true
                self.incomplete = nil
                bytes.moveReaderIndex(to: bytes.writerIndex)
                throw error
            }
        }
        bytes.moveReaderIndex(to: bytes.writerIndex)
        return nil
    }

    /// The head at the front, with all that can be said against the frame before its payload came.
    private func header(in bytes: ByteBuffer) throws(WebSocketViolation) -> WebSocketFrameHeader? {
        return try bytes.withUnsafeReadableBytes { pointer throws(WebSocketViolation) in
            guard let byte = pointer.first else { return nil }
            let allowsCompression = self.inflater != nil
            let (opcode, _, isCompressed) = try WebSocketFrameHeader.first(byte, allowsCompression: allowsCompression)
            if let incomplete = self.incomplete {
                guard opcode.isControl || opcode == .continuation else {
                    throw .protocolError("new message amid the fragments of another")
                }
                guard opcode.isControl || incomplete.fragments < self.maximumFragments else {
                    throw .policy("too many fragments")
                }
            } else if opcode == .continuation {
                throw .protocolError("continuation of nothing")
            }
            let limit =
                self.incomplete?.isCompressed ?? isCompressed
                ? MessageInflater.compressedLimit(forMessageBytes: self.maximumMessageBytes) : self.maximumMessageBytes
            let header = try WebSocketFrameHeader.read(
                pointer, masked: self.isServer, allowsCompression: allowsCompression,
                maximumPayloadBytes: limit - (self.incomplete?.bytes.readableBytes ?? 0))
            if let header, header.opcode == .close, header.payloadBytes == 1 {
                throw .protocolError("close frame of one byte")
            }
            return header
        }
    }

    private mutating func event(
        _ header: WebSocketFrameHeader, _ payload: ByteBuffer
    ) throws(WebSocketViolation) -> Event? {
        switch header.opcode {
        case .ping: return .ping(payload)
        case .pong: return .pong(payload)
        case .close: return try self.close(payload)
        case .text, .binary:
            let isText = header.opcode == .text
            guard !header.isFinal else {
                let message = header.isCompressed ? try self.inflate(payload) : payload
                guard !isText || Self.isUTF8(message) else { throw .invalidText("text that is not UTF-8") }
                return isText ? .text(message) : .binary(message)
            }
            let incomplete = Incomplete(isText: isText, isCompressed: header.isCompressed)
            self.incomplete = incomplete
            try Self.append(payload, to: incomplete)
            return nil
        case .continuation:
            guard let incomplete = self.incomplete else { throw .protocolError("continuation of nothing") }
            try Self.append(payload, to: incomplete)
            guard header.isFinal else { return nil }
            self.incomplete = nil
            guard !incomplete.isCompressed else {
                let message = try self.inflate(incomplete.bytes)
                guard !incomplete.isText || Self.isUTF8(message) else { throw .invalidText("text that is not UTF-8") }
                return incomplete.isText ? .text(message) : .binary(message)
            }
            guard incomplete.isText else { return .binary(incomplete.bytes) }
            guard incomplete.utf8.isComplete else { throw .invalidText("text that is not UTF-8") }
            return .text(incomplete.bytes)
        }
    }

    private static func append(_ payload: ByteBuffer, to incomplete: Incomplete) throws(WebSocketViolation) {
        incomplete.fragments += 1
        if incomplete.isText, !incomplete.isCompressed {
            let valid = payload.withUnsafeReadableBytes { incomplete.utf8.append($0) }
            guard valid else { throw .invalidText("text that is not UTF-8") }
        }
        incomplete.bytes.writeImmutableBuffer(payload)
    }

    private func inflate(_ payload: ByteBuffer) throws(WebSocketViolation) -> ByteBuffer {
        guard let inflater = self.inflater else { throw .protocolError("reserved bit set without an extension") }
        return try inflater.inflate(payload, maximumBytes: self.maximumMessageBytes)
    }

    private mutating func close(_ payload: ByteBuffer) throws(WebSocketViolation) -> Event {
        var payload = payload
        var code: UInt16?
        if payload.readableBytes > 0 {
            guard let number = payload.readInteger(as: UInt16.self), WebSocketCloseCode.mayBeSent(number) else {
                throw .protocolError("close code that must not be sent")
            }
            guard Self.isUTF8(payload) else { throw .invalidText("close reason that is not UTF-8") }
            code = number
        }
        self.isOver = true
        self.incomplete = nil
        return .close(code: code, reason: String(buffer: payload))
    }

    private static func isUTF8(_ payload: ByteBuffer) -> Bool {
        payload.withUnsafeReadableBytes { pointer in
            var validator = UTF8Validator()
            return validator.append(pointer) && validator.isComplete
        }
    }

    /// Unmasks every whole frame and sets its key to zero, so that it is a plain frame when its turn comes. One pass:
    /// an event that is kept shares the storage, and unmasking frame by frame would copy what is left each time.
    private func unmaskWholeFrames(in bytes: inout ByteBuffer) {
        let allowsCompression = self.inflater != nil
        let isLoose = bytes.storageCapacity > Self.largestLooseBytes && bytes.readableBytes < bytes.storageCapacity / 2
        if isLoose || bytes.modifyIfUniquelyOwned({ Self.unmaskWholeFrames(of: &$0, allowsCompression) }) == nil {
            bytes = ByteBuffer(bytes: bytes.readableBytesView)
            Self.unmaskWholeFrames(of: &bytes, allowsCompression)
        }
    }

    private static func unmaskWholeFrames(of bytes: inout ByteBuffer, _ allowsCompression: Bool) {
        bytes.withUnsafeMutableReadableBytes { pointer in
            var offset = 0
            // A bad head ends the pass; it is reported when its turn comes.
            while let header = try? WebSocketFrameHeader.read(
                UnsafeRawBufferPointer(pointer), at: offset, masked: true, allowsCompression: allowsCompression,
                maximumPayloadBytes: pointer.count)
            {
                let payload = offset + header.headerBytes
                guard pointer.count - payload >= header.payloadBytes else { return }
                WebSocketMask.apply(
                    header.maskKey, to: .init(rebasing: pointer[payload..<payload + header.payloadBytes]))
                pointer.storeBytes(of: 0, toByteOffset: payload - 4, as: UInt32.self)
                offset = payload + header.payloadBytes
            }
        }
    }
}
