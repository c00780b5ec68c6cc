import NIOCore
import NIOHTTP1
import NIOPosix

/// One HTTP/1.1 connection, used for one request after another, and opened again when the server closed it between two.
/// Confined to its event loop.
final class HTTPRequester {
    struct Request: Sendable {
        let method: HTTPMethod
        let uri: String
        let headers: HTTPHeaders
        var body: ByteBuffer?
        /// Nil: the answer may take as long as the server likes.
        let timeout: TimeAmount?
        let maximumBodyBytes: Int
    }

    struct Response {
        let status: Int
        let headers: [(String, String)]
        let body: ByteBuffer
    }

    typealias Completion = (Result<Response, SocketIOClientError>) -> Void

    private let endpoint: Endpoint
    private let eventLoop: any EventLoop
    private let connectTimeout: TimeAmount
    private var channel: (any Channel)?
    private var handler: HTTPExchangeHandler?
    private var completion: Completion?
    private var timer: Scheduled<Void>?
    private var isAborted = false

    init(_ endpoint: Endpoint, connectTimeout: TimeAmount, on eventLoop: any EventLoop) {
        self.endpoint = endpoint
        self.connectTimeout = connectTimeout
        self.eventLoop = eventLoop
    }

    var isBusy: Bool { self.completion != nil }

    /// Sends a request. There must be none under way.
    func perform(_ request: Request, completion: @escaping Completion) {
        precondition(self.completion == nil, "one request at a time")
        guard !self.isAborted else { return }
        self.completion = completion
        if let timeout = request.timeout {
            self.timer = self.eventLoop.assumeIsolated().scheduleTask(in: timeout) { [weak self] in
                self?.complete(.failure(.init(.connectTimeout, "no HTTP answer within \(timeout)")))
                self?.close()
            }
        }
        if let handler = self.handler {
            handler.send(request)
        } else {
            self.connect(request)
        }
    }

    /// Closes TCP. What is under way is not completed.
    func abort() {
        self.isAborted = true
        self.completion = nil
        self.timer?.cancel()
        self.close()
    }

    private func connect(_ request: Request) {
        let bound = NIOLoopBound(self, eventLoop: self.eventLoop)
        let bootstrap = self.endpoint.bootstrap(on: self.eventLoop, timeout: self.connectTimeout)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    let handler = HTTPExchangeHandler(requester: bound.value, first: request)
                    let pipeline = channel.pipeline.syncOperations
                    try pipeline.addHTTPClientHandlers()
                    try pipeline.addHandler(handler)
                    bound.value.connected(channel, handler)
                }
            }
        self.endpoint.connect(bootstrap).hop(to: self.eventLoop).assumeIsolated().whenFailure { error in
            self.channel = nil
            self.handler = nil
            self.complete(
                .failure(
                    .init(.connectionFailed, "no connection to \(self.endpoint.authority)", underlying: error)))
        }
    }

    private func connected(_ channel: any Channel, _ handler: HTTPExchangeHandler) {
        guard !self.isAborted else { return channel.close(promise: nil) }
        self.channel = channel
        self.handler = handler
    }

    func complete(_ result: Result<Response, SocketIOClientError>) {
        self.timer?.cancel()
        self.timer = nil
        let completion = self.completion.take()
        completion?(result)
    }

    /// The connection is over, or cannot be used again.
    func ended(_ handler: HTTPExchangeHandler) {
        guard self.handler === handler else { return }
        self.handler = nil
        self.channel = nil
    }

    private func close() {
        let channel = self.channel.take()
        self.handler = nil
        channel?.close(promise: nil)
    }
}
