import Bench
import RejoinServer

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Shows on standard error what a benchmark does: on a terminal one line that is drawn again and again, elsewhere a line
/// for each part of the work.
struct ProgressLine {
    let progress: BenchProgress
    private let name: String
    private let isTerminal = isatty(STDERR_FILENO) == 1
    /// To the first column, and everything after it is gone (ECMA-48, EL).
    private static let cleared = "\r\u{1B}[K"

    /// - Parameter name: Of the benchmark; stands before each line.
    init(_ name: String) {
        self.name = name
        let isTerminal = isTerminal
        progress = BenchProgress(
            phaseBegan: { phase in
                if !isTerminal { Terminal.complain("bench \(name): \(phase)") }
            },
            noted: { line in
                let before = isTerminal ? Self.cleared : ""
                StandardStream.write("\(before)rejoin: bench \(name): \(line)\n", to: STDERR_FILENO)
            })
    }

    /// A part begins that this thread is busy with.
    func begin(_ name: String) {
        progress.begin(name)
        draw()
    }

    /// Draws the line as it is now.
    func draw() {
        guard isTerminal, let line = progress.line() else { return }
        StandardStream.write(Self.cleared + "bench \(name): \(line)".prefix(Self.columns - 1), to: STDERR_FILENO)
    }

    /// Leaves nothing of the line.
    func clear() {
        if isTerminal { StandardStream.write(Self.cleared, to: STDERR_FILENO) }
    }

    private static var columns: Int {
        var size = winsize()
        guard ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 else { return 80 }
        return Int(size.ws_col)
    }
}
