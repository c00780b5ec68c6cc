import NIOCore
import SocketIO

extension ByteBuffer {
    /// `"room":…,"epoch":…,"version":…`
    mutating func writePosition(_ position: RoomPosition, of room: RoomName) {
        writeStaticString("\"room\":")
        writeJSONString(room.string)
        writeStaticString(",\"epoch\":")
        writeJSONString(position.epoch)
        writeStaticString(",\"version\":")
        writeJSONInteger(position.version)
    }

    /// `"from":…,"version":…`
    mutating func writeStep(from: Int, to version: Int) {
        writeStaticString("\"from\":")
        writeJSONInteger(from)
        writeStaticString(",\"version\":")
        writeJSONInteger(version)
    }

    mutating func writeFields(_ fields: some Sequence<(FieldName, JSONBytes)>) {
        var isFirst = true
        for (name, value) in fields {
            writeField(name, value, isFirst: isFirst)
            isFirst = false
        }
    }

    mutating func writeField(_ name: FieldName, _ value: JSONBytes, isFirst: Bool) {
        if !isFirst { writeStaticString(",") }
        writeJSONString(name.text)
        writeStaticString(":")
        writeJSON(value)
    }

    mutating func writeNames(_ names: some Sequence<FieldName>) {
        var isFirst = true
        for name in names {
            if !isFirst { writeStaticString(",") }
            isFirst = false
            writeJSONString(name.text)
        }
    }
}
