import NIOCore
import SocketIO

/// A message on a room's channel. Anybody with access to Redis can write there: what does not parse is dropped.
///
/// - `p EPOCH FROM VERSION COUNT\n`, then for each change `NAMELENGTH VALUELENGTH NAME VALUE` without a blank between
///   name and value; an empty value deletes.
/// - `c SOCKETLENGTH SOCKET ARGUMENT`, again without a blank between the last two: a `cast` of that socket.
/// - `h …`: who is here, see ``PresenceMessage``.
/// - `t`: nobody ticks the room any more; whoever can should.
enum RoomMessage: Equatable {
    case patch(RoomPatch)
    case cast(socket: String, argument: JSONBytes)
    case presence(PresenceMessage)
    case clockFree

    static let maximumEpochBytes = 64

    init?(_ buffer: ByteBuffer) {
        var reader = RoomMessageReader(buffer)
        switch reader.byte() {
        case UInt8(ascii: "p"):
            guard let patch = RoomPatch(&reader) else { return nil }
            self = .patch(patch)
        case UInt8(ascii: "c"):
            guard reader.blank(), let length = reader.integer(endedBy: UInt8(ascii: " ")),
                let socket = reader.text(length: length),
                let argument = try? JSONBytes(validating: reader.rest()), argument.kind == .object
            else { return nil }
            self = .cast(socket: socket, argument: argument)
        case UInt8(ascii: "h"):
            guard let message = PresenceMessage(&reader) else { return nil }
            self = .presence(message)
        case UInt8(ascii: "t"):
            guard reader.isAtEnd else { return nil }
            self = .clockFree
        default:
            return nil
        }
    }

    static func cast(_ argument: JSONBytes, socket: String) -> ByteBuffer {
        var buffer = ByteBuffer()
        buffer.writeString("c \(socket.utf8.count) ")
        buffer.writeString(socket)
        buffer.writeJSON(argument)
        return buffer
    }
}

/// What one act changed, or (without changes and without a step) that the room has a new epoch.
struct RoomPatch: Equatable {
    let epoch: String
    let from: Int
    let entry: RoomEntry

    fileprivate init?(_ reader: inout RoomMessageReader) {
        guard reader.blank(), let epoch = reader.word(limit: RoomMessage.maximumEpochBytes),
            let from = reader.integer(endedBy: UInt8(ascii: " ")),
            let version = reader.integer(endedBy: UInt8(ascii: " ")), version == from || version == from + 1,
            let count = reader.integer(endedBy: UInt8(ascii: "\n"))
        else { return nil }
        var changes: [(name: FieldName, value: JSONBytes?)] = []
        for _ in 0..<count {
            guard let nameLength = reader.integer(endedBy: UInt8(ascii: " ")),
                let valueLength = reader.integer(endedBy: UInt8(ascii: " ")),
                let name = reader.text(length: nameLength), name.utf8.first ?? 0 != 0,
                let value = reader.slice(length: valueLength)
            else { return nil }
            if valueLength == 0 {
                changes.append((FieldName(name), nil))
            } else {
                guard let json = try? JSONBytes(validating: value) else { return nil }
                changes.append((FieldName(name), count == 1 ? json : json.copied()))
            }
        }
        guard reader.isAtEnd else { return nil }
        self.epoch = epoch
        self.from = from
        self.entry = RoomEntry(version: version, changes: changes)
    }
}

/// Cuts a message into its parts.
struct RoomMessageReader {
    private var buffer: ByteBuffer

    init(_ buffer: ByteBuffer) {
        self.buffer = buffer
    }

    var isAtEnd: Bool { buffer.readableBytes == 0 }

    mutating func byte() -> UInt8? {
        buffer.readInteger()
    }

    mutating func blank() -> Bool {
        byte() == UInt8(ascii: " ")
    }

    /// A decimal of at most 15 digits and the byte after it.
    mutating func integer(endedBy end: UInt8) -> Int? {
        var value = 0
        for digits in 0...15 {
            guard let byte = byte() else { return nil }
            if byte == end { return digits > 0 ? value : nil }
            guard byte &- UInt8(ascii: "0") < 10 else { return nil }
            value = value * 10 + Int(byte &- UInt8(ascii: "0"))
        }
        return nil
    }

    /// ASCII letters and digits up to a blank.
    mutating func word(limit: Int) -> String? {
        let view = buffer.readableBytesView.prefix(limit + 1)
        guard let end = view.firstIndex(of: UInt8(ascii: " ")), end > view.startIndex,
            let word = buffer.readString(length: end - view.startIndex), blank(),
            word.utf8.allSatisfy({ 0x21...0x7E ~= $0 })
        else { return nil }
        return word
    }

    mutating func text(length: Int) -> String? {
        guard let bytes = slice(length: length) else { return nil }
        return String(validating: bytes.readableBytesView, as: UTF8.self)
    }

    mutating func slice(length: Int) -> ByteBuffer? {
        buffer.readSlice(length: length)
    }

    mutating func rest() -> ByteBuffer {
        defer { buffer.moveReaderIndex(to: buffer.writerIndex) }
        return buffer
    }
}
