import NIOCore
import SocketIO

/// A field as a replica keeps it: its value and the version of the room that set it.
struct RoomField: Sendable, Equatable {
    let version: Int
    let value: JSONBytes
}

/// One step of a room: what the act of this version set, or deleted (nil).
struct RoomEntry: Sendable, Equatable {
    let version: Int
    let changes: [(name: FieldName, value: JSONBytes?)]

    static func == (left: Self, right: Self) -> Bool {
        left.version == right.version
            && left.changes.elementsEqual(right.changes) { $0.name == $1.name && $0.value == $1.value }
    }
}

extension JSONBytes {
    /// A copy that does not hold on to the message it came in.
    func copied() -> JSONBytes {
        var copy = ByteBufferAllocator().buffer(capacity: buffer.readableBytes)
        copy.writeImmutableBuffer(buffer)
        return JSONBytes(unchecked: copy)
    }
}
