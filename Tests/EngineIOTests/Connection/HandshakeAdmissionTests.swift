import NIOCore
import Testing

@testable import EngineIO

@Suite struct HandshakeAdmissionTests {
    private func at(_ milliseconds: Int64) -> NIODeadline {
        .uptimeNanoseconds(0) + .seconds(100) + .milliseconds(milliseconds)
    }

    @Test("a tenth of a second's worth goes on at once, then who comes waits, then is refused")
    func outcomes() {
        var admission = HandshakeAdmission(perSecond: 20, queue: 2)
        #expect(admission.request(now: at(0)) { $0 } == .admitted)
        #expect(admission.request(now: at(0)) { $0 } == .admitted)
        #expect(admission.request(now: at(0)) { $0 } == .queued(wait: .milliseconds(10)))
        #expect(admission.request(now: at(0)) { $0 } == .queued(wait: .milliseconds(10)))
        #expect(admission.request(now: at(0)) { $0 } == .refused)
        #expect(admission.waiting == 2)
    }

    @Test("who waits goes on in order of arrival, at the rate, and nobody overtakes")
    func order() {
        var admission = HandshakeAdmission(perSecond: 10, queue: 8)
        var told: [Int] = []
        #expect(admission.request(now: at(0)) { $0 } == .admitted)
        for number in 1...3 {
            _ = admission.request(now: at(0)) { _ in
                told.append(number)
                return true
            }
        }
        #expect(admission.next(now: at(50)) == nil)
        #expect(admission.next(now: at(101))?(true) == true)
        #expect(admission.next(now: at(101)) == nil)
        #expect(admission.request(now: at(150)) { $0 } == .queued(wait: .milliseconds(10)))
        for time in [201, 301, 401] as [Int64] { _ = admission.next(now: at(time))?(true) }
        #expect(told == [1, 2, 3])
        #expect(admission.waiting == 0)
    }

    @Test("the place of a peer that is gone is somebody else's")
    func giveBack() {
        var admission = HandshakeAdmission(perSecond: 10, queue: 8)
        #expect(admission.request(now: at(0)) { $0 } == .admitted)
        _ = admission.request(now: at(0)) { _ in false }
        _ = admission.request(now: at(0)) { _ in true }
        #expect(admission.next(now: at(101))?(true) == false)
        admission.giveBack()
        #expect(admission.next(now: at(101))?(true) == true)
        #expect(admission.next(now: at(101)) == nil)
    }
}
