import Synchronization
import Testing

@testable import Bench

@Suite("What a benchmark says while it runs")
struct BenchProgressTests {
    private let heard = Heard()

    private final class Heard: Sendable {
        let lines = Mutex<[String]>([])
    }

    private func progress() -> BenchProgress {
        BenchProgress(
            phaseBegan: { [heard] line in heard.lines.withLock { $0.append(line) } },
            noted: { [heard] line in heard.lines.withLock { $0.append("noted \(line)") } })
    }

    @Test("each part once, and what is worth keeping")
    func parts() {
        let progress = self.progress()
        #expect(progress.line() == nil)
        progress.begin("opening", total: 3)
        progress.advance()
        progress.note("a fact")
        progress.begin("measuring", for: .seconds(10))
        #expect(self.heard.lines.withLock { $0 } == ["opening", "noted a fact", "measuring"])
    }

    @Test("how much of a counted part is done, and how long the rest takes at that speed")
    func counting() {
        let progress = self.progress()
        progress.begin("opening", total: 100)
        for _ in 0..<9 { progress.advance() }
        #expect(progress.line() == "opening: 9 of 100", "of the first few nothing is concluded")
        for _ in 0..<11 { progress.advance() }
        #expect(progress.line(now: .now + .seconds(10)) == "opening: 20 of 100, 41 s left")
        for _ in 0..<80 { progress.advance() }
        #expect(progress.line() == "opening: 100 of 100")
        progress.advance()
        #expect(progress.line() == "opening: 100 of 100")
    }

    @Test("how long a timed part still is, and never less than nothing")
    func timing() {
        let progress = self.progress()
        progress.begin("measuring", for: .seconds(10))
        #expect(progress.line(now: .now + .milliseconds(3_500)) == "measuring: 3 s, 7 s left")
        #expect(progress.line(now: .now + .seconds(12)) == "measuring: 12 s, 0 s left")
    }
}
