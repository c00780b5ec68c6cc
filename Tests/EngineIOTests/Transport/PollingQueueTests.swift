import NIOCore
import Testing

@testable import EngineIO

@Suite struct PollingQueueTests {
    private func text(_ string: String) -> PollingQueue.Item { .text(ByteBuffer(string: string)) }

    @Test("everything that fits leaves in order with one answer, and the bytes are counted")
    func order() {
        var queue = PollingQueue()
        queue.append(text("4a"))
        queue.append(.binary(ByteBuffer(bytes: [1, 2, 3, 4])))
        queue.append(
            .encoded(EncodedMessage(message: ByteBuffer(string: "51-"), attachments: [ByteBuffer(bytes: [5])])))
        #expect(queue.byteCount == 2 + 9 + 4 + 1 + 5)
        #expect(String(buffer: queue.takePayload(atMost: 1_000)) == "4a\u{1e}bAQIDBA==\u{1e}451-\u{1e}bBQ==")
        #expect(queue.isEmpty && queue.byteCount == 0)
    }

    @Test("an answer takes no more than its limit, but one packet always")
    func limit() {
        var queue = PollingQueue()
        for string in ["4aaaa", "4bbbb", "4cccccccccccccccccccc", "4d"] { queue.append(text(string)) }
        #expect(String(buffer: queue.takePayload(atMost: 11)) == "4aaaa\u{1e}4bbbb")
        #expect(String(buffer: queue.takePayload(atMost: 11)) == "4cccccccccccccccccccc")
        #expect(queue.byteCount == 2)
        #expect(String(buffer: queue.takePayload(atMost: 11)) == "4d")
    }

    @Test("what is left goes to another transport whole")
    func takeAll() {
        var queue = PollingQueue()
        queue.append(text("4a"))
        queue.append(text("4b"))
        #expect(queue.takeAll().count == 2)
        #expect(queue.isEmpty && queue.byteCount == 0)
    }
}
