import Testing

@testable import Bench

@Suite("How crowds share a window")
struct LanesTests {
    @Test("all of it is used, and no more", arguments: 1...70, [1, 2, 3, 64])
    func sum(_ window: Int, _ crowds: Int) {
        let lanes = Lanes(window: window, crowds: Array(0..<crowds)).lanes
        #expect(lanes.map(\.window).reduce(0, +) == window)
        #expect(lanes.allSatisfy { $0.window > 0 })
        #expect(lanes.flatMap(\.crowds).sorted() == Array(0..<crowds))
    }

    @Test("crowds follow each other when it is too small for all at a time")
    func small() {
        #expect(Lanes(window: 1, crowds: [0, 1]).lanes == [.init(window: 1, crowds: [0, 1])])
        #expect(
            Lanes(window: 2, crowds: [0, 1, 3]).lanes
                == [.init(window: 1, crowds: [0, 3]), .init(window: 1, crowds: [1])])
    }

    @Test("nobody has anything to do")
    func nothing() {
        #expect(Lanes(window: 5, crowds: []).lanes == [])
    }
}
