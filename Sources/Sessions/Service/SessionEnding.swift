package import SocketIO

/// A session that has ended, as nodes tell each other.
package struct SessionEnding: Sendable {
    /// The kind of the message that carries endings.
    package static let kind = "session.end"
    /// The kind of the message that tells of a changed secret.
    package static let refreshKind = "session.refresh"

    let handle: SessionHandle
    /// Sockets that remember this generation or an older one are watchers from now on.
    let generation: Int
    /// The record's generation after a logout; `nil` when there is no record any more.
    let next: Int?

    init(handle: SessionHandle, generation: Int, next: Int?) {
        self.handle = handle
        self.generation = generation
        self.next = next
    }

    package init(_ session: RevokedSession) {
        self.init(handle: session.handle, generation: session.generation, next: nil)
    }

    /// - Returns: `nil` when it is none.
    init?(_ json: JSONBytes) {
        guard let handle = json["handle"]?.string.flatMap({ SessionHandle($0) }),
            let generation = json["generation"]?.int
        else { return nil }
        self.init(handle: handle, generation: generation, next: json["next"]?.int)
    }

    private var json: JSONBytes {
        var writer = JSONObjectWriter()
        writer.member("handle", string: handle.description)
        writer.member("generation", int: generation)
        if let next { writer.member("next", int: next) }
        return writer.finish()
    }

    /// The message's body.
    package static func message(_ endings: ArraySlice<SessionEnding>, _ reason: SessionReason) -> JSONBytes {
        var writer = JSONObjectWriter()
        writer.member("reason", string: reason.rawValue)
        writer.member("sessions", json: JSONBytes(elements: endings.map(\.json)))
        return writer.finish()
    }

    /// A node's answer: how many of its sockets were players by these sessions.
    package static func confirmation(sockets: Int) -> JSONBytes {
        var writer = JSONObjectWriter()
        writer.member("sockets", int: sockets)
        return writer.finish()
    }
}
