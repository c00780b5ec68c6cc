import NIOCore

/// One answer of the engine over HTTP, all but the headers that every answer has.
struct EngineAnswer: Sendable {
    var status = 200
    var headers: [(name: String, value: String)] = []
    var body = ByteBuffer()
    /// Whether the connection is of no further use.
    var isLast = false
    /// Whether packets are lost when it does not arrive.
    var carriesPackets = false

    /// The answer to a poll.
    static func packets(_ payload: ByteBuffer, headers: [(name: String, value: String)]) -> EngineAnswer {
        EngineAnswer(
            headers: [("content-type", "text/plain; charset=UTF-8")] + headers, body: payload, carriesPackets: true)
    }

    /// The answer to a payload that was taken; the reference server's, to the letter.
    static func ok(headers: [(name: String, value: String)]) -> EngineAnswer {
        EngineAnswer(headers: [("content-type", "text/html")] + headers, body: ByteBuffer(string: "ok"))
    }

    static func refusal(_ error: EngineError) -> EngineAnswer {
        var answer = EngineAnswer(
            status: error.status, headers: [("content-type", "application/json")],
            body: ByteBuffer(string: error.json))
        if let seconds = error.retryAfter {
            answer.headers.append(("retry-after", "\(seconds)"))
        }
        return answer
    }

    static func refusal(_ refusal: UpgradeRequest.Refusal) -> EngineAnswer {
        EngineAnswer(
            status: refusal.status,
            headers: [("content-type", "text/plain; charset=utf-8")]
                + refusal.headers.map { (name: $0.key, value: $0.value) },
            body: ByteBuffer(string: refusal.message + "\n"), isLast: true)
    }
}
