import NIOCore
import RedisClient

/// All parts of a room, as its hash `room:{NAME}:here` has them: `NODE:INCARNATION` -> `STAMP WATCHERS`,
/// `NODE:INCARNATION|USER` -> `1 NAME` or `0 SINCE NAME`, and the number of changes under the name `#`.
struct PresenceReading: Equatable {
    struct Part: Equatable {
        /// When its node wrote it last, in ms since 1970 by Redis's clock; nil where it has not said.
        var stamp: Int?
        var watchers = 0
        var seats: [String: PresenceSeat] = [:]
    }

    /// How many changes there were.
    var changes = 0
    var parts: [NodeStart: Part] = [:]
    /// Fields that no node of ours writes, and users beyond the limit; left out.
    var invalid = 0

    /// - Parameters:
    ///   - list: names and values of the hash, in turn.
    ///   - limit: of users.
    init(_ list: [RedisValue], limit: Int) {
        var users = 0
        for index in stride(from: 0, to: list.count - 1, by: 2) {
            guard let name = Self.text(list[index]), let value = Self.text(list[index + 1]) else {
                invalid += 1
                continue
            }
            if name == "#" {
                changes = Self.number(value[...]) ?? 0
            } else if let bar = name.utf8.firstIndex(of: UInt8(ascii: "|")) {
                let id = String(name[name.utf8.index(after: bar)...])
                guard users < limit, let node = NodeStart(name[..<bar]), let seat = Self.seat(value),
                    PresenceSeat.isUser(id: id, name: seat.name)
                else {
                    invalid += 1
                    continue
                }
                users += 1
                parts[node, default: Part()].seats[id] = seat
            } else {
                let numbers = value.utf8.split(separator: UInt8(ascii: " ")).map { Self.number(Substring($0)) }
                guard let node = NodeStart(name), numbers.count == 2, let stamp = numbers[0], let watchers = numbers[1],
                    watchers <= PresencePart.maximumWatchers
                else {
                    invalid += 1
                    continue
                }
                parts[node, default: Part()].stamp = stamp
                parts[node, default: Part()].watchers = watchers
            }
        }
    }

    /// By bytes: a name may begin with a mark that is one character with the blank before it.
    private static func seat(_ value: String) -> PresenceSeat? {
        let blank = UInt8(ascii: " ")
        let parts = value.utf8.split(separator: blank, maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else { return nil }
        if parts[0].elementsEqual("1".utf8) { return PresenceSeat(name: String(Substring(parts[1])), awaySince: nil) }
        let rest = parts[1].split(separator: blank, maxSplits: 1, omittingEmptySubsequences: false)
        guard parts[0].elementsEqual("0".utf8), rest.count == 2, let since = number(Substring(rest[0])) else {
            return nil
        }
        return PresenceSeat(name: String(Substring(rest[1])), awaySince: since)
    }

    private static func text(_ value: RedisValue) -> String? {
        value.buffer.flatMap { String(validating: $0.readableBytesView, as: UTF8.self) }
    }

    /// A decimal of at most 15 digits.
    private static func number(_ text: Substring) -> Int? {
        guard 1...15 ~= text.utf8.count, text.utf8.allSatisfy({ $0 &- UInt8(ascii: "0") < 10 }) else { return nil }
        return Int(text)
    }
}
