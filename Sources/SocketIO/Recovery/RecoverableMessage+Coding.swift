package import NIOCore

extension RecoverableMessage {
    /// As it is logged: a JSON object.
    package var encoded: JSONBytes {
        var object = JSONObjectWriter()
        if !rooms.isEmpty { object.member("rooms", json: JSONBytes(strings: rooms)) }
        if !except.isEmpty { object.member("except", json: JSONBytes(strings: except)) }
        object.member("packet", json: array)
        object.memberIfAny("attachments", attachments)
        return object.finish()
    }

    /// Nil when it is no such message: it comes from outside this process.
    package init?(_ text: ByteBuffer) {
        do {
            let json = try JSONBytes(validating: text, maximumDepth: 64)
            guard let rooms = (json["rooms"] ?? .emptyArray).strings,
                let except = (json["except"] ?? .emptyArray).strings, let packet = json["packet"],
                packet.kind == .array, let attachments = (json["attachments"] ?? .emptyArray).attachments
            else { return nil }
            self.init(rooms: rooms, except: except, array: packet, attachments: attachments)
        } catch {
            return nil
        }
    }
}
