import SocketIO

/// A player in the arena, as its field says: `{"name","color","x","y","score"}`.
struct ArenaPlayer: Sendable, Equatable {
    var name: String
    var color: ArenaColor
    /// The column, 0 at the left.
    var x: Int
    /// The row, 0 at the top.
    var y: Int
    /// How many tiles the player owns.
    var score: Int

    static func field(of userID: String) -> String {
        "@\(userID)/player"
    }

    /// Whose field it is; nil for any other field.
    static func userID(of field: String) -> String? {
        guard field.hasPrefix("@"), field.hasSuffix("/player") else { return nil }
        return String(field.dropFirst().dropLast("/player".count))
    }

    /// Somebody who enters, on the tile and in the colour that follow from the user id.
    init(entering player: Player) {
        let number = Self.number(of: player.userID)
        let tile = Int(number % UInt64(Arena.columns * Arena.rows))
        self.name = player.name
        self.color = ArenaColor(number: number >> 32)
        self.x = tile % Arena.columns
        self.y = tile / Arena.columns
        self.score = 0
    }

    /// Nil when there is no field, or it is none of this game's.
    init?(_ field: JSONBytes?) {
        guard let field,
            let name = field["name"]?.string,
            let color = field["color"]?.string.flatMap(ArenaColor.init(hex:)),
            let x = field["x"]?.int,
            let y = field["y"]?.int,
            let score = field["score"]?.int, 0...(Arena.columns * Arena.rows) ~= score
        else { return nil }
        self.name = name
        self.color = color
        self.x = x
        self.y = y
        self.score = score
        guard isOnGrid else { return nil }
    }

    var isOnGrid: Bool {
        0..<Arena.columns ~= x && 0..<Arena.rows ~= y
    }

    var json: JSONBytes {
        var writer = JSONObjectWriter()
        writer.member("name", string: name)
        writer.member("color", string: color.hex)
        writer.member("x", int: x)
        writer.member("y", int: y)
        writer.member("score", int: score)
        return writer.finish()
    }

    /// FNV-1a: the same on every node and in every version, as Swift's own hash is not. Its low bits alone are spread
    /// well enough by the multiplication that ends it.
    private static func number(of userID: String) -> UInt64 {
        let hash = userID.utf8.reduce(0xcbf2_9ce4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
        return (hash ^ (hash >> 29)) &* 0xbf58_476d_1ce4_e5b9
    }
}
