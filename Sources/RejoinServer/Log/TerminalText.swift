/// What a terminal is shown as it is, of text that others chose.
package enum TerminalText {
    /// Whether a terminal, or who reads lines, takes it for more than a character: control characters, those that end a
    /// line, and those that turn the direction of what is beside them.
    private static func isCommand(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0x061C, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069: true
        default:
            switch scalar.properties.generalCategory {
            case .control, .lineSeparator, .paragraphSeparator: true
            default: false
            }
        }
    }

    /// The text with each of them replaced by U+FFFD.
    package static func plain(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: isCommand) else { return text }
        return String(String.UnicodeScalarView(text.unicodeScalars.map { isCommand($0) ? "\u{FFFD}" : $0 }))
    }

    /// JSON with those of its strings escaped, which it may have as they are.
    ///
    /// - Parameter json: where it has line breaks, they are between its values and stay.
    package static func escaped(json: String) -> String {
        guard json.unicodeScalars.contains(where: { $0 != "\n" && isCommand($0) }) else { return json }
        return json.unicodeScalars.reduce(into: "") { text, scalar in
            if scalar != "\n", isCommand(scalar) {
                let digits = String(scalar.value, radix: 16)
                text += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            } else {
                text.unicodeScalars.append(scalar)
            }
        }
    }
}
