import HTTPTypes
import Hummingbird
import NIOCore
import Sessions

/// What a request of the public listener carries along: the address at the other end of its connection.
struct VisitorContext: RequestContext {
    var coreContext: CoreRequestContextStorage
    let peer: SocketAddress?

    init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        peer = source.channel.remoteAddress
    }
}

extension Request {
    /// The values of a header field, in order.
    func values(_ name: String) -> [String] {
        // HTTP's host is not among the fields: the codec takes it for the request's authority.
        if name == "host" { return head.authority.map { [$0] } ?? [] }
        guard let name = HTTPField.Name(name) else { return [] }
        return headers[values: name]
    }
}
