import ArgumentParser
import Bench
import NIOCore
import SocketIO

/// How a handshake with another Socket.IO server goes.
struct HandshakeOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The namespace that sockets connect to (default: /).", valueName: "/name"))
    var namespace: String?
    @Option(help: ArgumentHelp("What CONNECT carries.", valueName: "json"))
    var auth: String?
    @Option(
        help: ArgumentHelp(
            "The event that ends a handshake, or none: the answer to CONNECT does. Default: session, and none as soon as "
                + "another option describes the server.", valueName: "name|none"))
    var firstEvent: String?

    func validate() throws {
        if let namespace, !namespace.hasPrefix("/") || namespace.contains(",") || namespace.contains("?") {
            throw ValidationError(
                "--namespace is \(namespace), expected a slash and then neither comma nor question mark")
        }
        try Self.require(json: auth, "--auth")
    }

    var isGiven: Bool { namespace != nil || auth != nil || firstEvent != nil }

    /// What is said here; nil: nothing, the server is Rejoin.
    var dialect: Dialect? { isGiven ? described : nil }

    var described: Dialect {
        var dialect = Dialect()
        dialect.namespace = namespace ?? "/"
        dialect.auth = auth
        dialect.firstEvent = firstEvent == "none" ? nil : firstEvent
        return dialect
    }

    static func require(json: String?, _ name: String) throws {
        guard let json else { return }
        guard (try? JSONBytes(validating: ByteBuffer(string: json))) != nil else {
            throw ValidationError("\(name) is \(json), expected one JSON text")
        }
    }
}

/// How clients of another Socket.IO server join a room and act in it.
struct RoomEventOptions: ParsableArguments {
    @OptionGroup var handshake: HandshakeOptions

    @Option(help: ArgumentHelp("Sent once by each socket that acts, before it joins.", valueName: "name"))
    var loginEvent: String?
    @Option(help: ArgumentHelp("Its argument; %socket names the socket.", valueName: "json"))
    var loginArgument: String?
    @Option(help: ArgumentHelp("Sent once by each socket. Without it all are in one room.", valueName: "name"))
    var joinEvent: String?
    @Option(help: ArgumentHelp("Its argument; %room names the room.", valueName: "json"))
    var joinArgument: String?
    @Option(help: ArgumentHelp("What a socket sends to act.", valueName: "name"))
    var actEvent: String?
    @Option(
        help: ArgumentHelp(
            "Its argument. In it %stamp stands for a text (for a JSON string) by which the act is known again wherever it "
                + "is delivered; %room and %socket for names, %number for the running number.", valueName: "json"))
    var actArgument: String?
    @Flag(help: "The server acknowledges none of these events.")
    var noAcks = false

    func validate() throws {
        let pairs = [
            ("login", loginEvent, loginArgument), ("join", joinEvent, joinArgument), ("act", actEvent, actArgument),
        ]
        for (name, event, argument) in pairs {
            guard argument == nil || event != nil else {
                throw ValidationError("--\(name)-argument is for an event, expected --\(name)-event too")
            }
            // What stands for a name must be inside a string, a number may be anywhere.
            try HandshakeOptions.require(json: argument?.replacing("%number", with: "1"), "--\(name)-argument")
        }
    }

    var isGiven: Bool {
        handshake.isGiven || loginEvent != nil || joinEvent != nil || actEvent != nil || noAcks
    }

    /// What is said here; nil: nothing, the server is Rejoin.
    var dialect: Dialect? { isGiven ? described : nil }

    var described: Dialect {
        var dialect = handshake.described
        dialect.login = loginEvent.map { .init(event: $0, argument: loginArgument) }
        dialect.join = joinEvent.map { .init(event: $0, argument: joinArgument) }
        dialect.act = actEvent.map { .init(event: $0, argument: actArgument) }
        dialect.acknowledges = !noAcks
        return dialect
    }
}

/// What others get of an act on another Socket.IO server.
struct DeliveryOptions: ParsableArguments {
    /// Whom an act is delivered to.
    enum Receivers: String, ExpressibleByArgument, CaseIterable {
        case all
        case others
    }

    @OptionGroup var events: RoomEventOptions

    @Option(help: ArgumentHelp("The event that brings an act to a room's sockets.", valueName: "name"))
    var deliverEvent: String?
    @Option(help: ArgumentHelp("Who gets it: all sockets of the room, or others than the sender (default: all)."))
    var deliverTo: Receivers?

    /// What is said here; nil: nothing, the server is Rejoin.
    var dialect: Dialect? {
        guard events.isGiven || deliverEvent != nil || deliverTo != nil else { return nil }
        var dialect = events.described
        dialect.deliverEvent = deliverEvent
        dialect.excludesSender = deliverTo == .others
        return dialect
    }
}
