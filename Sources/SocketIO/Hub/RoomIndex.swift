/// Which sockets of one event loop are in which room. Confined to its event loop.
struct RoomIndex {
    private struct Members {
        var sockets: ContiguousArray<Socket> = []
        var positions: [ObjectIdentifier: Int] = [:]
    }

    private var rooms: [String: Members] = [:]

    /// The sockets in a room, in no order.
    func sockets(in room: String) -> ContiguousArray<Socket> {
        rooms[room]?.sockets ?? []
    }

    mutating func insert(_ socket: Socket, into room: String) {
        let position = rooms[room, default: Members()].sockets.count
        rooms[room]?.positions[ObjectIdentifier(socket)] = position
        rooms[room]?.sockets.append(socket)
    }

    /// Takes the last member's place for the one that leaves: constant time, whatever the room's size.
    mutating func remove(_ socket: Socket, from room: String) {
        guard let position = rooms[room]?.positions.removeValue(forKey: ObjectIdentifier(socket)),
            let last = rooms[room]?.sockets.popLast()
        else { return }
        if last !== socket {
            rooms[room]?.sockets[position] = last
            rooms[room]?.positions[ObjectIdentifier(last)] = position
        }
        if rooms[room]?.sockets.isEmpty == true {
            rooms.removeValue(forKey: room)
        }
    }
}
