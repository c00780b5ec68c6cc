import NIOCore

/// What a WebSocket must say before it may replace a session's polling: `2probe`, then `5` (Engine.IO v4, "Upgrade").
struct UpgradeProbe {
    enum Action: Equatable {
        case answerProbe
        /// The session goes over to this WebSocket.
        case upgrade
        /// The packet is the session's.
        case pass
        /// Anything else closes the WebSocket, and the polling lives on.
        case fail
    }

    private enum State {
        case opened
        case probed
        case upgraded
        case failed
    }

    private var state = State.opened

    var isUpgraded: Bool { state == .upgraded }

    mutating func received(_ packet: EnginePacket) -> Action {
        switch (state, packet) {
        case (.opened, .text(.ping, Self.probe)):
            state = .probed
            return .answerProbe
        case (.probed, .text(.upgrade, Self.nothing)):
            state = .upgraded
            return .upgrade
        case (.upgraded, _):
            return .pass
        case (.opened, _), (.probed, _), (.failed, _):
            state = .failed
            return .fail
        }
    }

    private static let probe = ByteBuffer(string: "probe")
    private static let nothing = ByteBuffer()
}
