/// A configuration that cannot be used. The program ends with exit code 2 and prints ``message`` as one line.
public struct ConfigurationError: Error, Sendable, CustomStringConvertible {
    /// The dotted name of the key that is wrong, `nil` when no single key is.
    public let key: String?
    /// One line: the key, its value unless it is secret, where it came from, and what is expected.
    public let message: String

    package init(key: ConfigurationKey? = nil, _ message: String) {
        self.key = key?.name
        let line = key.map { "\($0.name): \(message)" } ?? message
        self.message = ConfigurationError.singleLine(line)
    }

    public var description: String { message }

    /// Values come from outside: line breaks and control characters must not make a second line of the message.
    private static func singleLine(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.map { $0.properties.generalCategory == .control ? "\u{FFFD}" : $0 }))
    }
}
