import NIOCore
import Testing

@testable import Sessions

@Suite("Lists of devices")
struct DeviceListingsTests {
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

    @Test("ten at once and one a second are a user's, whatever others ask for")
    func rate() {
        let listings = DeviceListings()
        for _ in 0..<10 { #expect(listings.take("eve", now: start) == nil) }
        #expect(listings.take("eve", now: start) == .seconds(1))
        #expect(listings.take("bo", now: start) == nil)
        #expect(listings.take("eve", now: start + .milliseconds(1_001)) == nil)
        #expect(listings.take("eve", now: start + .milliseconds(1_002)) != nil)
    }

    @Test("whoever asks often is remembered when many others ask")
    func bound() {
        let listings = DeviceListings(maximum: 20)
        for _ in 0..<10 { #expect(listings.take("eve", now: start) == nil) }
        for user in 0..<25 { #expect(listings.take("\(user)", now: start) == nil) }
        #expect(listings.take("eve", now: start) != nil)
    }
}
