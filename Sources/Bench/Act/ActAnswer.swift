import NIOCore

/// What the answer to an act says of it.
enum ActAnswer: Equatable {
    case applied(version: Int)
    /// Refused for now; with what was said.
    case later(String)
    /// Refused for good, or nothing that can be understood; with what was said.
    case refused(String)

    init(_ payload: ByteBuffer) {
        guard MessageText.isTrue("ok", in: payload) else {
            let code = MessageText.string("error", in: payload)
            let isForNow = code == "unavailable" || code == "rate_limited"
            self = isForNow ? .later(String(buffer: payload)) : .refused(String(buffer: payload))
            return
        }
        guard let version = MessageText.integer("version", in: payload) else {
            self = .refused(String(buffer: payload))
            return
        }
        self = .applied(version: version)
    }
}
