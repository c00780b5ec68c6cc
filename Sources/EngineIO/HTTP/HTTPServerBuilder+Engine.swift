public import HummingbirdCore

extension HTTPServerBuilder {
    /// A listener whose connections serve pages by Hummingbird, and sockets by this engine.
    ///
    /// The engine must have been started before the first connection is accepted.
    public static func engineIO(_ engine: EngineServer) -> HTTPServerBuilder {
        HTTPServerBuilder { responder in EngineChannel(server: engine, responder: responder) }
    }
}
