/// The peer broke RFC 6455 or a limit: the connection is to be closed with this code.
package struct WebSocketViolation: Error, Equatable {
    /// 1002 protocol error, 1007 not UTF-8, 1008 policy, or 1009 too big.
    package let closeCode: UInt16
    /// What was wrong, fit for a close reason and a log. Never holds bytes of the peer's.
    package let message: String

    package init(closeCode: UInt16, message: String) {
        self.closeCode = closeCode
        self.message = message
    }

    static func protocolError(_ message: String) -> Self {
        Self(closeCode: WebSocketCloseCode.protocolError, message: message)
    }

    static func invalidText(_ message: String) -> Self {
        Self(closeCode: WebSocketCloseCode.invalidPayload, message: message)
    }

    static func policy(_ message: String) -> Self {
        Self(closeCode: WebSocketCloseCode.policyViolation, message: message)
    }

    static func tooBig(_ message: String) -> Self {
        Self(closeCode: WebSocketCloseCode.messageTooBig, message: message)
    }
}
