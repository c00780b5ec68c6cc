public import SocketIO

/// Why a connection did not come about, or a call was not answered.
public struct SocketIOClientError: Error, Sendable, CustomStringConvertible {
    public enum Code: Sendable, Equatable {
        /// The URL is not `http://HOST:PORT` or `ws://HOST:PORT`, or another part of the configuration is wrong.
        case invalidConfiguration
        /// No TCP connection, or it ended before the namespace was connected; `underlying` says more.
        case connectionFailed
        /// TCP, HTTP answer and open packet, or the answer to CONNECT, took longer than `connectTimeout`.
        case connectTimeout
        /// The server answered the handshake with an HTTP error; see `refusal`.
        case refused
        /// The server answered CONNECT with CONNECT_ERROR; see `connectError` and `data`.
        case connectError
        /// What should have made the CONNECT packet's payload failed; see `underlying`.
        case authFailed
        /// The server sent what the protocol forbids.
        case protocolViolation
        /// No acknowledgement came in time.
        case acknowledgementTimeout
        /// As many emits wait for a connection as may.
        case bufferFull
        /// The connection is closed.
        case closed
    }

    /// The HTTP answer in place of a connection.
    public struct Refusal: Sendable {
        public let status: Int
        public let headers: [(String, String)]
        /// At most the first 64 KiB.
        public let body: String
    }

    public let code: Code
    public let message: String
    public let underlying: (any Error)?
    /// Only with the code `refused`.
    public let refusal: Refusal?
    /// The JSON of the CONNECT_ERROR packet; only with the code `connectError`.
    public let connectError: String?
    /// What the server says beside the message of a CONNECT_ERROR; only with the code `connectError`, where there is
    /// such.
    public let data: JSONBytes?

    init(
        _ code: Code, _ message: String, underlying: (any Error)? = nil, refusal: Refusal? = nil,
        connectError: String? = nil, data: JSONBytes? = nil
    ) {
        self.code = code
        self.message = message
        self.underlying = underlying
        self.refusal = refusal
        self.connectError = connectError
        self.data = data
    }

    public var description: String {
        "\(self.code): \(self.message)" + (self.underlying.map { " (\($0))" } ?? "")
    }
}
