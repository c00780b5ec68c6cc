import Testing

@testable import SocketIOClient

@Suite("Backoff")
struct BackoffTests {
    @Test("pauses double from one second to five, and a success begins anew")
    func doubling() {
        var backoff = Backoff(.init())
        #expect((0..<5).map { _ in backoff.next(random: 0.5) } == [1, 2, 4, 5, 5].map { .seconds($0) })
        #expect(backoff.attempts == 5)
        backoff.reset()
        #expect(backoff.next(random: 0.5) == .seconds(1))
    }

    @Test("they are spread by half, and never longer than the longest")
    func spread() {
        var low = Backoff(.init())
        #expect((0..<4).map { _ in low.next(random: 0) } == [500, 1000, 2000, 2500].map { .milliseconds($0) })
        var high = Backoff(.init())
        #expect((0..<4).map { _ in high.next(random: 1) } == [1500, 3000, 5000, 5000].map { .milliseconds($0) })
    }

    @Test("settings that make no sense are brought into their ranges, and a thousand attempts do not overflow")
    func ranges() {
        var backoff = Backoff(.init(delay: .seconds(-1), maximumDelay: .seconds(5), randomization: 7))
        #expect(backoff.next(random: 0.9) == .zero)
        var long = Backoff(.init(delay: .seconds(3600), maximumDelay: .seconds(7200), randomization: 0))
        for _ in 0..<1000 { #expect(long.next(random: 0.3) <= .seconds(7200)) }
    }
}
