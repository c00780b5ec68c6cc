/// A player's colour, after Okabe and Ito's and Paul Tol's palettes for colour-blind readers: twelve hues, each in two
/// lightnesses. All of them stand out from a white page and from a black one.
struct ArenaColor: Sendable, Equatable {
    /// `#rrggbb`.
    let hex: String

    static let palette = [
        "#e69f00", "#56b4e9", "#009e73", "#e3d026", "#2274c4", "#d55e00",
        "#cc79a7", "#ee3377", "#7b61d1", "#8f9a2c", "#5fd0b5", "#a45a3d",
        "#b97a00", "#8fd0f5", "#4cc38a", "#b8a300", "#5b9be6", "#f58549",
        "#e6a3c8", "#c2185b", "#a78bfa", "#bcc65a", "#2ba899", "#c98a6b",
    ]

    init(number: UInt64) {
        hex = Self.palette[Int(number % UInt64(Self.palette.count))]
    }

    /// Nil when it is not of the palette.
    init?(hex: String) {
        guard Self.palette.contains(hex) else { return nil }
        self.hex = hex
    }
}
