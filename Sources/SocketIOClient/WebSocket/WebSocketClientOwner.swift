import NIOCore
import NIOPosix

/// Whose WebSocket it is: hears of it on its event loop, which is the owner's own.
///
/// Of `upgraded` and `fail` one is called; after the first, `end` once and last. An owner that gives the attempt up
/// closes the channel, and is not surprised by what it is told then.
protocol WebSocketClientOwner: AnyObject {
    var eventLoop: any EventLoop { get }
    /// There is TCP to close now.
    func connected(_ channel: any Channel)
    /// The server answered with 101 and these headers.
    func upgraded(_ handler: WebSocketClientHandler, headers: [(String, String)])
    /// A text message.
    func received(_ payload: ByteBuffer)
    func receivedBinary(_ payload: ByteBuffer)
    /// There will be no WebSocket.
    func fail(_ error: SocketIOClientError)
    /// The WebSocket is over. May come more than once: the first counts.
    func end(_ reason: SocketIOCloseReason)
}

/// What a WebSocket is asked for with.
struct WebSocketRequest {
    let endpoint: Endpoint
    let uri: String
    let cookie: String?
    let timeout: TimeAmount
    let maximumMessageBytes: Int

    /// Connects TCP and asks for the WebSocket. To be called on the owner's loop, which keeps the owner until it hears
    /// how it went.
    func open(for owner: any WebSocketClientOwner) {
        let bound = NIOLoopBound(owner, eventLoop: owner.eventLoop)
        let bootstrap = self.endpoint.bootstrap(on: owner.eventLoop, timeout: self.timeout)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    bound.value.connected(channel)
                    try SocketIOUpgradeHandler.addHandlers(
                        to: channel.pipeline.syncOperations,
                        SocketIOUpgradeHandler(owner: bound.value, request: self))
                }
            }
        self.endpoint.connect(bootstrap).hop(to: owner.eventLoop).assumeIsolated().whenFailure { error in
            owner.fail(.init(.connectionFailed, "no connection to \(self.endpoint.authority)", underlying: error))
        }
    }
}

extension Endpoint {
    func bootstrap(on eventLoop: any EventLoop, timeout: TimeAmount) -> ClientBootstrap {
        ClientBootstrap(group: eventLoop)
            .channelOption(.tcpOption(.tcp_nodelay), value: 1)
            .connectTimeout(timeout)
    }

    func connect(_ bootstrap: ClientBootstrap) -> EventLoopFuture<any Channel> {
        // An address needs no resolver, which has but few threads.
        if let address = try? SocketAddress(ipAddress: self.host, port: self.port) {
            return bootstrap.connect(to: address)
        }
        return bootstrap.connect(host: self.host, port: self.port)
    }
}
