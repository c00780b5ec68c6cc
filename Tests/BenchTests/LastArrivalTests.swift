import Synchronization
import Testing

@testable import Bench

@Suite("When something last arrived")
struct LastArrivalTests {
    @Test("is read when it arrives, and waiting for what does not come changes nothing")
    func waiting() throws {
        let clock = Clock()
        let last = LastArrival { clock.next() }
        #expect(last.reading == nil)
        try last.look(arrived: 0)
        #expect(last.reading == 1, "the end of sending counts although nothing has arrived")
        try last.look(arrived: 10)
        try last.look(arrived: 25)
        for _ in 0..<100 { try last.look(arrived: 25) }
        #expect(last.reading == 3)
    }

    private final class Clock: Sendable {
        private let readings = Mutex(0)

        func next() -> Int {
            self.readings.withLock { readings in
                readings += 1
                return readings
            }
        }
    }
}
