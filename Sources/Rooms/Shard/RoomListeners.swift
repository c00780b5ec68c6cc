import NIOCore

/// On which event loops a room's sockets are, so that no other is woken for what the room says.
struct RoomListeners {
    private var counts: [(eventLoop: any EventLoop, count: Int)] = []
    /// Of those whose event loop nobody knows.
    private var others = 0

    /// Where they are; `nil`: anywhere.
    private(set) var eventLoops: [any EventLoop]? = []

    /// - Parameter eventLoop: the socket's; `nil` when it is not known.
    mutating func add(on eventLoop: (any EventLoop)?) {
        guard let eventLoop else {
            others += 1
            return changed()
        }
        if let index = counts.firstIndex(where: { $0.eventLoop === eventLoop }) {
            counts[index].count += 1
        } else {
            counts.append((eventLoop, 1))
            changed()
        }
    }

    /// One that was added.
    mutating func remove(on eventLoop: (any EventLoop)?) {
        guard let eventLoop else {
            others = max(0, others - 1)
            return changed()
        }
        guard let index = counts.firstIndex(where: { $0.eventLoop === eventLoop }) else { return }
        counts[index].count -= 1
        if counts[index].count == 0 {
            counts.remove(at: index)
            changed()
        }
    }

    private mutating func changed() {
        eventLoops = others > 0 ? nil : counts.map(\.eventLoop)
    }
}
