import Testing

@testable import rejoin

@Suite("What a person reads")
struct TerminalTests {
    @Test("columns are as wide as what is in them, control characters do nothing")
    func table() {
        let text = Table.render(["NAME", "ID"], [["Ada", "1"], ["a longer name", "22"], ["\u{1B}[2J", "3"]])
        #expect(
            text == """
                NAME           ID
                Ada            1
                a longer name  22
                \u{FFFD}[2J           3
                """)
    }

    @Test(
        "an uptime has its two largest units",
        arguments: [
            (-5, "0s"), (0, "0s"), (999, "0s"), (59_000, "59s"), (60_000, "1m 0s"), (3_599_000, "59m 59s"),
            (3_600_000, "1h 0m"), (90_061_000, "1d 1h"),
        ])
    func uptime(milliseconds: Int, text: String) {
        #expect(NodesCommand.uptime(milliseconds: milliseconds) == text)
    }

    @Test("an error is one line")
    func singleLine() {
        #expect(Terminal.singleLine("two\n  lines\r\nand\u{7}a bell") == "two lines and\u{FFFD}a bell")
    }
}
