import EngineIO

/// Which sockets of one namespace on one event loop are in which room. Confined to its event loop.
struct RoomIndex {
    struct Members {
        fileprivate(set) var sockets: ContiguousArray<Socket> = []
        /// Of each socket, at the same index.
        fileprivate(set) var shortWays: ContiguousArray<ShortWays.Place> = []
        private var positions: [ObjectIdentifier: Int] = [:]

        fileprivate mutating func insert(_ socket: Socket) {
            positions[ObjectIdentifier(socket)] = sockets.count
            sockets.append(socket)
            shortWays.append(socket.connection.shortWay)
        }

        /// Takes the last member's place for the one that leaves: constant time, whatever the room's size.
        fileprivate mutating func remove(_ socket: Socket) {
            guard let position = positions.removeValue(forKey: ObjectIdentifier(socket)), let last = sockets.popLast(),
                let lastWay = shortWays.popLast(), last !== socket
            else { return }
            sockets[position] = last
            shortWays[position] = lastWay
            positions[ObjectIdentifier(last)] = position
        }
    }

    private var rooms: [String: Members] = [:]

    /// Who is in a room; nil: nobody.
    func members(of room: String) -> Members? { rooms[room] }

    /// The sockets in a room, in no order.
    func sockets(in room: String) -> ContiguousArray<Socket> {
        rooms[room]?.sockets ?? []
    }

    mutating func insert(_ socket: Socket, into room: String) {
        rooms[room, default: Members()].insert(socket)
    }

    mutating func remove(_ socket: Socket, from room: String) {
        rooms[room]?.remove(socket)
        if rooms[room]?.sockets.isEmpty == true {
            rooms.removeValue(forKey: room)
        }
    }
}
