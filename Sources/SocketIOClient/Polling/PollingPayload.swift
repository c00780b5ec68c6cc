import FoundationEssentials
import NIOCore

/// The body of a long-polling request or answer (Engine.IO v4, "HTTP long-polling"): packets with 0x1e between them,
/// binary ones as `b` and base64.
enum PollingPayload {
    /// A packet as it stands on its own.
    enum Packet: Equatable {
        /// Type digit and data.
        case text(ByteBuffer)
        case binary(ByteBuffer)
    }

    /// A body that is no payload.
    struct Malformed: Error, Equatable {
        let message: String
    }

    private static let separator: UInt8 = 0x1E

    /// Takes packets from the front, as many as a body may hold; the first one whatever its size.
    ///
    /// - Parameter maximumBytes: of the body; the server's `maxPayload`.
    static func write(_ packets: inout CircularBuffer<Packet>, maximumBytes: Int) -> ByteBuffer {
        var body = ByteBuffer()
        while let packet = packets.first {
            let separator = body.readableBytes > 0 ? 1 : 0
            guard separator == 0 || body.readableBytes + separator + Self.encodedBytes(packet) <= maximumBytes else {
                break
            }
            if separator > 0 { body.writeInteger(Self.separator) }
            switch packet {
            case .text(let text): body.writeImmutableBuffer(text)
            case .binary(let bytes):
                body.writeInteger(UInt8(ascii: "b"))
                body.writeBytes(Data(bytes.readableBytesView).base64EncodedData())
            }
            packets.removeFirst()
        }
        return body
    }

    private static func encodedBytes(_ packet: Packet) -> Int {
        switch packet {
        case .text(let text): text.readableBytes
        case .binary(let bytes): 1 + (bytes.readableBytes + 2) / 3 * 4
        }
    }

    /// The packets of a body; texts are slices of it.
    static func read(_ body: ByteBuffer) throws(Malformed) -> [Packet] {
        var packets: [Packet] = []
        var body = body
        while true {
            let view = body.readableBytesView
            let end = view.firstIndex(of: Self.separator)
            guard let packet = body.readSlice(length: (end ?? view.endIndex) - view.startIndex),
                let type = packet.getInteger(at: packet.readerIndex, as: UInt8.self)
            else { throw Malformed(message: "an empty packet") }
            if type == UInt8(ascii: "b") {
                guard let bytes = Data(base64Encoded: Data(packet.readableBytesView.dropFirst())) else {
                    throw Malformed(message: "a binary packet that is not base64")
                }
                packets.append(.binary(ByteBuffer(bytes: bytes)))
            } else {
                packets.append(.text(packet))
            }
            guard end != nil else { return packets }
            body.moveReaderIndex(forwardBy: 1)
        }
    }
}
