import ArgumentParser
import FoundationEssentials
import RejoinServer

/// How lists are printed.
struct OutputOptions: ParsableArguments {
    @Flag(help: "Print JSON instead of a table.")
    var json = false

    func print(_ value: some Encodable) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        Terminal.say(TerminalText.escaped(json: String(decoding: try encoder.encode(value), as: UTF8.self)))
    }

    /// - Parameter json: One JSON text.
    func print(json: String) {
        Terminal.say(TerminalText.escaped(json: json))
    }
}

/// Columns that are as wide as what is in them.
enum Table {
    static func render(_ header: [String], _ rows: [[String]]) -> String {
        let lines = [header] + rows.map { $0.map(Terminal.singleLine) }
        let widths = header.indices.map { column in lines.map { $0[column].count }.max() ?? 0 }
        return lines.map { line in
            let cells = line.enumerated().map { column, cell in
                column == header.count - 1
                    ? cell : cell + String(repeating: " ", count: widths[column] - cell.count)
            }
            return cells.joined(separator: "  ")
        }.joined(separator: "\n")
    }
}
