import EngineIO
import FoundationEssentials
import NIOCore

/// What a node has all nodes do.
enum AdapterOperation: Sendable, Equatable {
    /// - array: the event's name and its arguments.
    case emit(_ array: JSONBytes, [ByteBuffer], isVolatile: Bool)
    case emitWithAck(_ array: JSONBytes, [ByteBuffer], Duration)
    case fetch
    case join([String])
    case leave([String])
    case disconnect(closing: Bool)
    case serverEvent(String, EventPayload)
}

/// An operation on its way between nodes: a JSON object.
struct AdapterMessage: Sendable, Equatable {
    /// The random name of the server that sent it.
    var sender: String
    var namespace: String
    var targets: BroadcastTargets
    var operation: AdapterOperation
}

extension AdapterMessage {
    var encoded: JSONBytes {
        var object = JSONObjectWriter()
        object.member("from", string: sender)
        object.member("nsp", string: namespace)
        if !targets.rooms.isEmpty { object.member("rooms", json: JSONBytes(strings: targets.rooms)) }
        if !targets.except.isEmpty { object.member("except", json: JSONBytes(strings: targets.except)) }
        switch operation {
        case .emit(let array, let attachments, let isVolatile):
            object.member("op", string: isVolatile ? "volatile" : "emit")
            object.member("packet", json: array)
            object.memberIfAny("attachments", attachments)
        case .emitWithAck(let array, let attachments, let timeout):
            object.member("op", string: "ack")
            object.member("packet", json: array)
            object.memberIfAny("attachments", attachments)
            object.member("timeout", int: Int(timeout.wholeMilliseconds))
        case .fetch:
            object.member("op", string: "fetch")
        case .join(let rooms):
            object.member("op", string: "join")
            object.member("names", json: JSONBytes(strings: rooms))
        case .leave(let rooms):
            object.member("op", string: "leave")
            object.member("names", json: JSONBytes(strings: rooms))
        case .disconnect(let closing):
            object.member("op", string: closing ? "close" : "disconnect")
        case .serverEvent(let name, let payload):
            object.member("op", string: "server")
            object.member("name", string: name)
            object.member("payload", json: payload.adapterValue)
        }
        return object.finish()
    }

    /// Nil when it is no such message: it comes from outside this process.
    init?(_ json: JSONBytes) {
        guard let sender = json["from"]?.string, let namespace = json["nsp"]?.string, let op = json["op"]?.string,
            let rooms = (json["rooms"] ?? .emptyArray).strings, let except = (json["except"] ?? .emptyArray).strings,
            let operation = AdapterOperation(op, json)
        else { return nil }
        self.init(
            sender: sender, namespace: namespace, targets: BroadcastTargets(rooms: rooms, except: except),
            operation: operation)
    }
}

extension AdapterOperation {
    fileprivate init?(_ op: String, _ json: JSONBytes) {
        switch op {
        case "emit", "volatile", "ack":
            // Clients disconnect when they are sent what is no event.
            guard let packet = json["packet"], packet.elements()?.first?.kind == .string,
                let attachments = (json["attachments"] ?? .emptyArray).attachments,
                attachments.isEmpty || packet.placeholdersMatch(attachments: attachments.count)
            else { return nil }
            if op == "ack" {
                guard let timeout = json["timeout"]?.int, 0...3_600_000 ~= timeout else { return nil }
                self = .emitWithAck(packet, attachments, .milliseconds(timeout))
            } else {
                self = .emit(packet, attachments, isVolatile: op == "volatile")
            }
        case "fetch": self = .fetch
        case "join", "leave":
            guard let names = json["names"]?.strings else { return nil }
            self = op == "join" ? .join(names) : .leave(names)
        case "disconnect", "close": self = .disconnect(closing: op == "close")
        case "server":
            guard let name = json["name"]?.string,
                let payload = json["payload"].flatMap({ EventPayload(adapterValue: $0) })
            else { return nil }
            self = .serverEvent(name, payload)
        default: return nil
        }
    }
}

// MARK: Values

extension EventPayload {
    var adapterValue: JSONBytes {
        var object = JSONObjectWriter()
        object.member("args", json: JSONBytes(elements: arguments))
        object.memberIfAny("attachments", attachments)
        return object.finish()
    }

    init?(adapterValue json: JSONBytes) {
        guard let arguments = json["args"]?.elements(),
            let attachments = (json["attachments"] ?? .emptyArray).attachments
        else { return nil }
        self.init(arguments, attachments: attachments)
    }
}

extension BroadcastAnswers {
    var adapterValue: JSONBytes {
        var object = JSONObjectWriter()
        object.member("payloads", json: JSONBytes(elements: payloads.map(\.adapterValue)))
        object.member("missing", int: missing)
        return object.finish()
    }

    init?(adapterValue json: JSONBytes) {
        guard let payloads = json["payloads"]?.elements(), let missing = json["missing"]?.int,
            0...Int(Int32.max) ~= missing
        else { return nil }
        self.init(payloads: payloads.compactMap { EventPayload(adapterValue: $0) }, missing: missing)
    }
}

extension RemoteSocket {
    static func adapterValue(of sockets: [RemoteSocket]) -> JSONBytes {
        JSONBytes(
            elements: sockets.map { socket in
                var object = JSONObjectWriter()
                object.member("id", string: socket.id.string)
                object.member("rooms", json: JSONBytes(strings: socket.rooms.sorted()))
                if let data = socket.data { object.member("data", json: data) }
                return object.finish()
            })
    }

    static func all(adapterValue json: JSONBytes) -> [RemoteSocket] {
        (json.elements() ?? []).compactMap { socket in
            guard let id = socket["id"]?.string, let rooms = socket["rooms"]?.strings else { return nil }
            return RemoteSocket(id: SocketID(id), rooms: Set(rooms), data: socket["data"])
        }
    }
}

extension JSONObjectWriter {
    /// Binary values in base64; nothing when there are none.
    mutating func memberIfAny(_ key: String, _ attachments: [ByteBuffer]) {
        guard !attachments.isEmpty else { return }
        member(
            key,
            json: JSONBytes(strings: attachments.map { Data($0.readableBytesView).base64EncodedString() }))
    }
}

extension JSONBytes {
    package init(strings: [String]) {
        self.init(elements: strings.map { JSONBytes(string: $0) })
    }

    /// Nil when it is not an array of strings.
    package var strings: [String]? {
        guard let elements = elements() else { return nil }
        let strings = elements.compactMap(\.string)
        return strings.count == elements.count ? strings : nil
    }

    /// Nil when it is not an array of base64.
    var attachments: [ByteBuffer]? {
        guard let strings else { return nil }
        let attachments = strings.compactMap { Data(base64Encoded: $0).map { ByteBuffer(bytes: $0) } }
        return attachments.count == strings.count ? attachments : nil
    }
}
