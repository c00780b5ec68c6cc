import Cluster
import Logging
import NIOCore
import RedisClient
import SocketIO

/// How many sockets a session has on all nodes together.
///
/// Every CONNECT counts one in the session's record. What is less since then a node tells the records with its sweep, and
/// a node that died tells nothing: so a count beyond the limit is no more than a reason to ask all nodes.
extension SessionService {
    package static let seatsKind = "session.seats"

    /// Whether a session has too many sockets with the one that was just counted.
    ///
    /// - Parameter count: what the record says.
    func isOverLimit(_ handle: SessionHandle, isAlias: Bool, count: Int) async -> Bool {
        guard count > configuration.socketsPerSession else { return false }
        let name = SessionSeats.Name(handle: handle, isAlias: isAlias)
        if seats.wasFull(name) { return true }
        // Who comes and goes has no more sockets by it, and makes no node ask the others.
        let untold = seats.takeUntold(of: name)
        let count = await tellSeats([name: untold]) ? count + untold : count
        guard count > configuration.socketsPerSession else { return false }
        var question = JSONObjectWriter()
        question.member("handle", string: handle.description)
        question.member("alias", bool: isAlias)
        let answers = await cluster.ask(
            kind: Self.seatsKind, body: question.finish(), timeout: .milliseconds(500)
        ).answers.values
        let taken = answers.reduce(0) { $0 + ($1["taken"]?.int ?? 0) }
        guard taken <= configuration.socketsPerSession else {
            seats.isFull(name)
            return true
        }
        // What the nodes are still to tell the record comes on top.
        let right = taken - answers.reduce(0) { $0 + ($1["untold"]?.int ?? 0) }
        await tellSeats([name: right - count])
        return false
    }

    /// Tells the records what has changed since they were told last.
    func tellSeats() async {
        await tellSeats(seats.takeUntold())
    }

    /// - Returns: Whether the records have them.
    @discardableResult
    private func tellSeats(_ changes: [SessionSeats.Name: Int]) async -> Bool {
        let changes = changes.filter { $0.value != 0 }
        guard !changes.isEmpty else { return true }
        do throws(SessionError) {
            try await store.count(changes.map { ($0.handle, $0.isAlias, $1) })
            return true
        } catch {
            // With the next sweep; what was told and not answered is corrected when somebody asks.
            seats.giveBack(changes)
            logger.debug("sockets of sessions not counted", metadata: ["error": "\(error)"])
            return false
        }
    }

    func answerSeats(_ body: JSONBytes) -> JSONBytes {
        guard let handle = body["handle"]?.string.flatMap({ SessionHandle($0) }), let isAlias = body["alias"]?.bool
        else { return .null }
        let (taken, untold) = seats.counted(SessionSeats.Name(handle: handle, isAlias: isAlias))
        var answer = JSONObjectWriter()
        answer.member("taken", int: taken)
        answer.member("untold", int: untold)
        return answer.finish()
    }
}

extension SessionStore {
    private static let seatsScript = RedisScript(name: "seats", source: PackageResources.seats_lua)

    /// Corrects how many sockets sessions have. Works on a full Redis.
    func count(_ changes: [(handle: SessionHandle, isAlias: Bool, change: Int)]) async throws(SessionError) {
        for start in stride(from: 0, to: changes.count, by: Self.touchBatch) {
            let batch = changes[start..<min(start + Self.touchBatch, changes.count)]
            _ = try await eval(
                Self.seatsScript, keys: batch.map { keys.session($0.handle) },
                arguments: batch.flatMap { [$0.isAlias ? "aliases" : "sockets", .integer($0.change)] })
        }
    }
}
