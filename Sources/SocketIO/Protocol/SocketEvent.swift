import NIOCore

/// An event that a client sent.
public struct SocketEvent: Sendable, Equatable {
    public let name: String
    public let arguments: [JSONBytes]
    /// Whether, and under which number, the client waits for an acknowledgement.
    public let acknowledgementID: Int?

    /// Names that Socket.IO keeps for itself; a client that sends one is closed.
    private static let reserved: Set<String> = [
        "connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener",
    ]

    public init(name: String, arguments: [JSONBytes], acknowledgementID: Int?) {
        self.name = name
        self.arguments = arguments
        self.acknowledgementID = acknowledgementID
    }

    /// Reads the payload of an event packet: an array that begins with the event's name.
    ///
    /// - Returns: `nil` when it is none.
    package init?(_ packet: SocketPacket) {
        guard let elements = packet.elements, let name = elements.first?.string, !Self.reserved.contains(name) else {
            return nil
        }
        self.init(
            name: name, arguments: Array(elements.dropFirst()), acknowledgementID: packet.acknowledgementID)
    }
}

extension SocketPacket {
    /// The payload as an array; `nil` when it is none, or no valid JSON.
    package var elements: [JSONBytes]? {
        do {
            return try JSONBytes(validating: payload).elements()
        } catch {
            return nil
        }
    }
}
