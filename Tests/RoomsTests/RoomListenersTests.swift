import NIOCore
import NIOEmbedded
import Testing

@testable import Rooms

@Suite("Where a room's sockets are")
struct RoomListenersTests {
    private let one = EmbeddedEventLoop()
    private let two = EmbeddedEventLoop()

    private func names(_ listeners: RoomListeners) -> [Int]? {
        listeners.eventLoops?.map { $0 === one ? 1 : 2 }.sorted()
    }

    @Test("an event loop is told from its first socket to its last")
    func counted() {
        var listeners = RoomListeners()
        #expect(names(listeners) == [])
        listeners.add(on: one)
        listeners.add(on: two)
        listeners.add(on: two)
        #expect(names(listeners) == [1, 2])
        listeners.remove(on: one)
        listeners.remove(on: two)
        #expect(names(listeners) == [2])
        listeners.remove(on: two)
        #expect(names(listeners) == [])
    }

    @Test("with one that is nobody knows where, all are told")
    func unknown() {
        var listeners = RoomListeners()
        listeners.add(on: one)
        listeners.add(on: nil)
        #expect(names(listeners) == nil)
        listeners.add(on: two)
        listeners.remove(on: nil)
        #expect(names(listeners) == [1, 2])
    }
}
