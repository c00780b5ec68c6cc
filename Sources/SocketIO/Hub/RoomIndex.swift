/// Which sockets of one namespace on one event loop are in which room. Confined to its event loop.
struct RoomIndex {
    private struct Members {
        var sockets: ContiguousArray<Socket> = []
        var positions: [ObjectIdentifier: Int] = [:]

        mutating func insert(_ socket: Socket) {
            positions[ObjectIdentifier(socket)] = sockets.count
            sockets.append(socket)
        }

        /// Takes the last member's place for the one that leaves: constant time, whatever the room's size.
        mutating func remove(_ socket: Socket) {
            guard let position = positions.removeValue(forKey: ObjectIdentifier(socket)), let last = sockets.popLast(),
                last !== socket
            else { return }
            sockets[position] = last
            positions[ObjectIdentifier(last)] = position
        }
    }

    private var rooms: [String: Members] = [:]

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
