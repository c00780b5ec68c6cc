import NIOCore
import Testing

@testable import Sessions

@Suite("Lists of devices")
struct DeviceListingsTests {
    private let start = NIODeadline.uptimeNanoseconds(1_000_000_000)

    @Test("a list costs as much as the last one had sessions, whatever others ask for")
    func rate() {
        let listings = DeviceListings(perSecond: 10)
        #expect(listings.take("eve", now: start) == nil)
        listings.listed(33, of: "eve")
        for _ in 0..<3 { #expect(listings.take("eve", now: start) == nil) }
        #expect(listings.take("eve", now: start) == .milliseconds(3_300))
        #expect(listings.take("bo", now: start) == nil)
        #expect(listings.take("eve", now: start + .milliseconds(3_301)) == nil)
        #expect(listings.take("eve", now: start + .milliseconds(3_302)) != nil)
    }

    @Test("short lists are not in the way of anybody, and the longest can be had")
    func extremes() {
        let listings = DeviceListings()
        for _ in 0..<2_000 { #expect(listings.take("bo", now: start) == nil) }
        #expect(listings.take("bo", now: start) == .milliseconds(5))
        #expect(listings.take("eve", now: start) == nil)
        listings.listed(1_000_000, of: "eve")
        #expect(listings.take("eve", now: start + .seconds(1)) == nil)
    }

    @Test("whoever asks often is remembered when many others ask")
    func bound() {
        let listings = DeviceListings(perSecond: 1, maximum: 20)
        for _ in 0..<10 { #expect(listings.take("eve", now: start) == nil) }
        for user in 0..<25 { #expect(listings.take("\(user)", now: start) == nil) }
        #expect(listings.take("eve", now: start) != nil)
    }
}
