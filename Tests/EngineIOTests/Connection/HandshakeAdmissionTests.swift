import NIOCore
import Testing

@testable import EngineIO

@Suite struct HandshakeAdmissionTests {
    private func at(_ milliseconds: Int64) -> NIODeadline {
        .uptimeNanoseconds(0) + .seconds(100) + .milliseconds(milliseconds)
    }

    @Test("a tenth of a second's worth goes on at once, then who comes waits, then is refused")
    func outcomes() {
        var admission = HandshakeAdmission(HandshakeBudget(perSecond: 20, queue: 2))
        #expect(admission.request(now: at(0)) { $0 } == .admitted)
        #expect(admission.request(now: at(0)) { $0 } == .admitted)
        #expect(admission.request(now: at(0)) { $0 } == .queued(wait: .milliseconds(10)))
        #expect(admission.request(now: at(0)) { $0 } == .queued(wait: .milliseconds(10)))
        #expect(admission.request(now: at(0)) { $0 } == .refused)
        #expect(admission.waiting == 2)
    }

    @Test("who waits goes on in order of arrival, at the rate, and nobody overtakes")
    func order() {
        var admission = HandshakeAdmission(HandshakeBudget(perSecond: 10, queue: 8))
        var told: [Int] = []
        #expect(admission.request(now: at(0)) { $0 } == .admitted)
        for number in 1...3 {
            _ = admission.request(now: at(0)) { _ in
                told.append(number)
                return true
            }
        }
        #expect(admission.next(now: at(50)).isEmpty)
        #expect(admission.next(now: at(101)).map { $0(true) } == [true])
        #expect(admission.next(now: at(101)).isEmpty)
        #expect(admission.request(now: at(150)) { $0 } == .queued(wait: .milliseconds(10)))
        for time in [201, 301, 401] as [Int64] { for ticket in admission.next(now: at(time)) { _ = ticket(true) } }
        #expect(told == [1, 2, 3])
        #expect(admission.waiting == 0)
    }

    @Test("the place of a peer that is gone is somebody else's")
    func giveBack() {
        var admission = HandshakeAdmission(HandshakeBudget(perSecond: 10, queue: 8))
        #expect(admission.request(now: at(0)) { $0 } == .admitted)
        _ = admission.request(now: at(0)) { _ in false }
        _ = admission.request(now: at(0)) { _ in true }
        #expect(admission.next(now: at(101)).map { $0(true) } == [false])
        admission.giveBack()
        #expect(admission.next(now: at(101)).map { $0(true) } == [true])
        #expect(admission.next(now: at(101)).isEmpty)
    }

    @Test("rate and queue are the node's, however many event loops it has, and none of them is always too late")
    func shared() {
        let budget = HandshakeBudget(perSecond: 10, queue: 3)
        var (one, other) = (HandshakeAdmission(budget), HandshakeAdmission(budget))
        #expect(one.request(now: at(0)) { $0 } == .admitted)
        #expect(other.request(now: at(0)) { $0 } == .queued(wait: .milliseconds(10)))
        #expect(one.request(now: at(0)) { $0 } == .queued(wait: .milliseconds(10)))
        #expect(one.request(now: at(0)) { $0 } == .queued(wait: .milliseconds(10)))
        #expect(one.request(now: at(0)) { $0 } == .refused)
        #expect(other.request(now: at(0)) { $0 } == .refused)
        // An event loop whose clock is a little behind takes nothing away.
        #expect(one.next(now: at(101)).count == 1)
        #expect(other.next(now: at(100)).isEmpty)
        #expect(other.next(now: at(201)).count == 1)
        #expect(one.next(now: at(301)).count == 1)
        #expect(one.waiting + other.waiting == 0)
        #expect(other.request(now: at(401)) { $0 } == .admitted)

        let many = HandshakeBudget(perSecond: 1_000, queue: 1_000)
        var loops = [HandshakeAdmission(many), HandshakeAdmission(many)]
        for index in loops.indices {
            for _ in 0..<400 { _ = loops[index].request(now: at(0)) { $0 } }
        }
        let before = loops.map(\.waiting)
        // The one that asks first leaves the other its share.
        for index in loops.indices { _ = loops[index].next(now: at(100)) }
        for (index, loop) in loops.enumerated() { #expect(before[index] - loop.waiting >= 20, "\(index)") }
    }
}
