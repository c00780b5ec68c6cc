public import NIOCore
public import SocketIO

/// What a socket says of itself when it connects to its namespace. It is asked at each attempt: a token may have changed
/// in between.
public struct SocketIOAuth: Sendable {
    let payload: @Sendable (any EventLoop) -> EventLoopFuture<ByteBuffer?>

    /// Nothing.
    public static let none = SocketIOAuth { $0.makeSucceededFuture(nil) }

    /// The same at each attempt.
    public static func json(_ json: JSONBytes) -> SocketIOAuth {
        SocketIOAuth { $0.makeSucceededFuture(json.buffer) }
    }

    /// What the closure says then; it runs on the client's event loop, and must not block. An error is a connect error.
    public static func each(_ json: @escaping @Sendable () throws -> JSONBytes?) -> SocketIOAuth {
        SocketIOAuth { loop in loop.makeCompletedFuture { try json()?.buffer } }
    }

    /// What the future brings, for tokens that must be fetched. It has the client's `connectTimeout` for it.
    public static func future(
        _ json: @escaping @Sendable (any EventLoop) -> EventLoopFuture<JSONBytes?>
    ) -> SocketIOAuth {
        SocketIOAuth { loop in json(loop).hop(to: loop).map { $0?.buffer } }
    }

    /// One JSON text that nobody checks.
    static func text(_ text: String) -> SocketIOAuth {
        let text = ByteBuffer(string: text)
        return SocketIOAuth { $0.makeSucceededFuture(text) }
    }
}
