import ArgumentParser
import RejoinServer

/// `rejoin rooms`: what rooms there are, and what is in them.
struct RoomsCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rooms", abstract: "Lists and shows rooms.", subcommands: [List.self, Show.self])

    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Lists the rooms that somebody has acted in, by their names.")

        @Option(parsing: .unconditional, help: "How the names begin.")
        var prefix = ""
        @Option(help: "How many rooms at most.")
        var limit = 1_000
        @OptionGroup var output: OutputOptions

        func validate() throws {
            guard (1...1_000_000).contains(limit) else {
                throw ValidationError("--limit is \(limit), expected 1 to 1000000")
            }
            if !prefix.isEmpty { try RoomsCommand.validate(prefix) }
        }

        func run() async throws {
            let configuration = try Settings.requiredClusterConfiguration()
            let (prefix, limit) = (prefix, limit)
            let (found, more) = try await ClusterConsole.with(configuration) { console in
                try await console.rooms(beginning: prefix, limit: limit)
            }
            let rooms = found.sorted { $0.room < $1.room }
            if output.json {
                try output.print(rooms)
            } else {
                let rows = rooms.map { [$0.room, "\($0.version)", "\($0.fields)", "\($0.bytes)", $0.epoch] }
                Terminal.say(Table.render(["ROOM", "VERSION", "FIELDS", "BYTES", "EPOCH"], rows))
            }
            if more { Terminal.complain("there are more rooms than these; --limit shows more of them") }
        }
    }

    struct Show: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Shows a room, its fields and who is in it.",
            discussion: """
                Long values are cut; --json prints all of the room, on one line. Players are the first 200, \
                those who are away last: their last socket was closed less than REJOIN_PRESENCE_GRACE ago.
                """)

        @Argument(help: "The room's name, as `rejoin rooms list` shows it; after -- when it begins with a hyphen.")
        var room: String
        @OptionGroup var output: OutputOptions

        func validate() throws {
            try RoomsCommand.validate(room)
        }

        func run() async throws {
            let configuration = try Settings.requiredClusterConfiguration()
            let name = room
            let room = try await ClusterConsole.with(configuration) { try await $0.room(name) }
            guard let room else {
                throw Failure(
                    "nobody has acted in the room \(name), or it was forgotten; `rejoin rooms list` lists those there are"
                )
            }
            if output.json { return output.print(json: room.json) }
            let rows = [
                ["version", "\(room.version)"], ["epoch", room.epoch], ["fields", "\(room.fields.count)"],
                ["bytes", "\(room.bytes)"], ["players", "\(room.total)"],
                ["watchers", "\(room.watchers)"],
            ]
            Terminal.say(Table.render(["ROOM", room.room], rows))
            if !room.fields.isEmpty {
                Terminal.say(
                    "\n" + Table.render(["FIELD", "VALUE"], room.fields.map { [$0.name, RoomsCommand.cut($0.json)] }))
            }
            if !room.players.isEmpty {
                let players = room.players.map { player in
                    [player.name, player.isOnline ? "online" : "away", player.id]
                }
                Terminal.say("\n" + Table.render(["PLAYER", "STATE", "ID"], players))
            }
            let unlisted = room.total - room.players.count
            if unlisted > 0 { Terminal.complain("there are \(unlisted) players more than these") }
        }
    }

    /// Characters of a field's value that a table shows.
    private static let longestValue = 160

    private static func cut(_ value: String) -> String {
        value.count <= longestValue ? value : value.prefix(longestValue) + "… (\(value.utf8.count) bytes)"
    }

    private static func validate(_ name: String) throws {
        guard ClusterConsole.isRoomName(name) else {
            throw ValidationError(
                "\(name) is no room's name, expected 1 to 64 characters of A-Z a-z 0-9 . _ : -")
        }
    }
}
