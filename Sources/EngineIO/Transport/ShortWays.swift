import NIOCore

/// The WebSockets of one event loop to which a frame can go at once: nothing is before it, and nothing changes it on its
/// way to the kernel. Confined to its event loop.
///
/// A message for a thousand sockets finds here, side by side, all that it needs to know of them; of the sockets
/// themselves it touches those only that are not ready for it.
package final class ShortWays {
    /// Where a WebSocket is; of no use any more once that has gone.
    package struct Place: Equatable {
        fileprivate let index: UInt32
        fileprivate let generation: UInt32

        /// That of what is no WebSocket, or one that encrypts or compresses.
        package static let none = Place(index: .max, generation: 0)
    }

    private struct Way {
        /// Negative: shut.
        var descriptor: CInt
        var generation: UInt32
    }

    private var ways: ContiguousArray<Way> = []
    private var transports: ContiguousArray<WebSocketTransport?> = []
    private var free: [UInt32] = []

    init() {}

    /// A place whose way is shut.
    func add(_ transport: WebSocketTransport) -> Place {
        let index: UInt32
        if let last = free.popLast() {
            index = last
            transports[Int(index)] = transport
        } else {
            index = UInt32(ways.count)
            ways.append(Way(descriptor: -1, generation: 0))
            transports.append(transport)
        }
        return Place(index: index, generation: ways[Int(index)].generation)
    }

    func remove(_ place: Place) {
        guard isKnown(place) else { return }
        let index = Int(place.index)
        ways[index].descriptor = -1
        ways[index].generation &+= 1
        transports[index] = nil
        free.append(place.index)
    }

    /// - Parameter descriptor: an open socket's, until the way is shut; nil shuts it.
    func set(_ place: Place, descriptor: CInt?) {
        guard isKnown(place) else { return }
        ways[Int(place.index)].descriptor = descriptor ?? -1
    }

    private func isKnown(_ place: Place) -> Bool {
        place.index < ways.count && ways[Int(place.index)].generation == place.generation
    }

    /// Sends a message at once wherever the way is open.
    ///
    /// - Parameters:
    ///   - left: called with the index of each place where none of it could be sent.
    /// - Returns: to how many it was sent; what the kernel did not take of it follows by itself.
    package func send(
        _ message: EncodedMessage, to places: ContiguousArray<Place>, left: (Int) -> Void
    ) -> Int {
        var sent = 0
        message.frame.withUnsafeReadableBytes { bytes in
            for index in places.indices {
                let place = places[index]
                guard isKnown(place) else {
                    left(index)
                    continue
                }
                let count = KernelSocket.send(bytes, by: ways[Int(place.index)].descriptor)
                if count == bytes.count {
                    sent += 1
                } else if count > 0 {
                    transports[Int(place.index)]?.send(restOf: message.frame, from: count)
                    sent += 1
                } else {
                    left(index)
                }
            }
        }
        return sent
    }
}
