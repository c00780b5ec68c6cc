import RejoinServer

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// What is said to the person, or the script, that started the command.
enum Terminal {
    /// One or more lines on standard output, at once.
    static func say(_ text: String) {
        StandardStream.write(text + "\n", to: STDOUT_FILENO)
    }

    /// `rejoin: …` on standard error.
    static func complain(_ text: String) {
        StandardStream.write("rejoin: \(text)\n", to: STDERR_FILENO)
    }

    /// A question on standard error, which leaves standard output to the answer of the command.
    static func ask(_ text: String) {
        StandardStream.write(text, to: STDERR_FILENO)
    }

    /// Lines joined by spaces, control characters made visible.
    static func singleLine(_ text: String) -> String {
        let lines = text.split(whereSeparator: \.isNewline)
        return TerminalText.plain(lines.map { $0.drop { $0 == " " } }.joined(separator: " "))
    }
}

/// The work of a command failed: exit code 1, and one line that says why.
struct Failure: Error {
    let message: String

    /// - Parameters:
    ///   - message: One line.
    ///   - details: Further lines, each with its line break before it.
    init(_ message: String, details: String = "") {
        self.message = Terminal.singleLine(message) + details
    }
}
