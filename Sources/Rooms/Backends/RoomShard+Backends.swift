import SocketIO

extension RoomShard {
    /// A backend's act, in a room that this node may not follow yet: it does from here on, and for some seconds more.
    func act(
        _ name: RoomName, id: ActID, action: JSONBytes, byBackend label: BackendLabel?
    ) async -> BackendActResult {
        var position: RoomPosition?
        let result = await perform(name, id, action, label, at: &position)
        count(result)
        if let position { return .applied(position) }
        switch result {
        case .refused(let refusal): return .refused(refusal)
        case .unavailable(let message): return .unavailable(message: message)
        // The script says none of these to a backend.
        case .applied, .tooManyRooms, .sessionEnded: return .unavailable(message: RoomError.unavailable().message)
        }
    }

    private func perform(
        _ name: RoomName, _ id: ActID, _ action: JSONBytes, _ label: BackendLabel?, at place: inout RoomPosition?
    ) async -> ActResult {
        let decision: Decision
        do throws(Refusal) {
            let action = try SharedObject().action(from: action)
            decision = { (room: inout RoomView) throws(Refusal) in try SharedObject.changes(action, in: &room) }
        } catch {
            return .refused(error)
        }
        let held = hold(name)
        defer { release(held) }
        do throws(RoomError) {
            try await load(held)
        } catch {
            return .unavailable(message: error.message)
        }
        return await perform(Act(id: id, authority: .backend(label), decision: decision), in: held, at: &place)
    }
}
