import NIOCore
import Testing

@testable import EngineIO

@Suite struct ReceiveBuffersTests {
    private let allocator = ByteBufferAllocator()

    private func size(_ buffers: ReceiveBuffers) -> Int { buffers.buffer(allocator: allocator).capacity }

    @Test("the buffer that a channel keeps is as small as can be, and it is asked for a new one at every read")
    func first() {
        var buffers = ReceiveBuffers()
        #expect(size(buffers) == 16)
        #expect(buffers.nextBufferSize() == nil)
        let takesNewAfterFirst = buffers.record(actualReadBytes: 16)
        #expect(takesNewAfterFirst && size(buffers) == 512)
        let takesNewAfterSecond = buffers.record(actualReadBytes: 7)
        #expect(takesNewAfterSecond)
    }

    @Test("buffers grow by each read that fills one, up to 16 KiB")
    func grow() {
        var buffers = ReceiveBuffers()
        _ = buffers.record(actualReadBytes: 16)
        for expected in [1_024, 2_048, 4_096, 8_192, 16_384, 16_384] {
            let takesNew = buffers.record(actualReadBytes: size(buffers))
            #expect(takesNew && size(buffers) == expected)
        }
    }

    @Test("buffers shrink by the second read that leaves half of one empty, down to 256 bytes")
    func shrink() {
        var buffers = ReceiveBuffers()
        for read in [16, 512] { _ = buffers.record(actualReadBytes: read) }
        for (read, expected) in [
            (512, 1_024), (513, 1_024), (512, 1_024), (512, 512), (1, 512), (1, 256), (1, 256), (1, 256),
        ] {
            let takesNew = buffers.record(actualReadBytes: read)
            #expect(takesNew && size(buffers) == expected)
        }
    }

    @Test("an existential of it takes no allocation")
    func size() {
        #expect(MemoryLayout<ReceiveBuffers>.size <= 3 * MemoryLayout<Int>.size)
    }
}
