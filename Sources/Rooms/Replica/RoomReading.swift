import NIOCore
import RedisClient
import SocketIO

/// What a replica was told that it missed: steps from its own position on, or all of the room.
struct RoomReading: Equatable {
    enum Content: Equatable {
        case entries([RoomEntry])
        case fields([FieldName: RoomField])
    }

    let position: RoomPosition
    let content: Content
    /// Fields that are not what a room's script writes; left out.
    let invalid: Int

    /// - Parameters:
    ///   - values: epoch, version, entries or null, fields or null, as the room scripts return them.
    init?(_ values: ArraySlice<RedisValue>) {
        let values = Array(values)
        guard values.count == 4, let epoch = values[0].string, let version = values[1].int, version >= 0 else {
            return nil
        }
        var invalid = 0
        if let list = values[2].array {
            var entries: [RoomEntry] = []
            for value in list {
                guard let entry = Self.entry(value, invalid: &invalid) else { return nil }
                entries.append(entry)
            }
            content = .entries(entries)
        } else if let list = values[3].array {
            content = .fields(Self.fields(list, invalid: &invalid))
        } else {
            return nil
        }
        position = RoomPosition(epoch: epoch, version: version)
        self.invalid = invalid
    }

    private static func entry(_ value: RedisValue, invalid: inout Int) -> RoomEntry? {
        guard let parts = value.array, parts.count == 2, let id = parts[0].string, id.hasSuffix("-0"),
            let version = Int(id.dropLast(2)), let pairs = parts[1].array
        else { return nil }
        var changes: [(name: FieldName, value: JSONBytes?)] = []
        for index in stride(from: 0, to: pairs.count - 1, by: 2) {
            guard let name = fieldName(pairs[index], invalid: &invalid), let value = pairs[index + 1].buffer else {
                continue
            }
            if value.readableBytes == 0 {
                changes.append((name, nil))
            } else if let json = try? JSONBytes(validating: value) {
                changes.append((name, json))
            } else {
                invalid += 1
            }
        }
        return RoomEntry(version: version, changes: changes)
    }

    private static func fields(_ list: [RedisValue], invalid: inout Int) -> [FieldName: RoomField] {
        var fields: [FieldName: RoomField] = [:]
        for index in stride(from: 0, to: list.count - 1, by: 2) {
            guard let name = fieldName(list[index], invalid: &invalid) else { continue }
            if let field = list[index + 1].buffer.flatMap(field) {
                fields[name] = field
            } else {
                invalid += 1
            }
        }
        return fields
    }

    /// Nil for the room's own entries, too.
    private static func fieldName(_ value: RedisValue, invalid: inout Int) -> FieldName? {
        guard let buffer = value.buffer, let name = String(validating: buffer.readableBytesView, as: UTF8.self),
            let first = name.utf8.first
        else {
            invalid += 1
            return nil
        }
        return first == 0 ? nil : FieldName(name)
    }

    /// `VERSION:JSON`
    private static func field(_ buffer: ByteBuffer) -> RoomField? {
        let view = buffer.readableBytesView
        guard let colon = view.prefix(17).firstIndex(of: UInt8(ascii: ":")),
            let version = Int(String(decoding: view[..<colon], as: UTF8.self)),
            let json = try? JSONBytes(validating: ByteBuffer(view[(colon + 1)...]))
        else { return nil }
        return RoomField(version: version, value: json)
    }
}
