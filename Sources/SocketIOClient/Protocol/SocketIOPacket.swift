import NIOCore
import SocketIO

/// A Socket.IO v5 packet that the server sent. Arguments are slices of the message they came in.
struct SocketIOPacket {
    enum Kind: UInt8 {
        case connect = 0x30
        case disconnect = 0x31
        case event = 0x32
        case acknowledgement = 0x33
        case connectError = 0x34
        case binaryEvent = 0x35
        case binaryAcknowledgement = 0x36
    }

    /// What is wrong with bytes that are no packet.
    struct Malformed: Error, Equatable {
        let message: String
    }

    /// How many attachments a packet may have.
    private static let maximumAttachments = 1024
    /// A server's JSON may be nested as deep as `JSONBytes` reads.
    private static let maximumDepth = 64

    let kind: Kind
    let namespace: String
    let id: Int?
    /// Nil where the packet has none.
    let payload: JSONBytes?
    /// How many binary messages follow.
    let attachments: Int

    /// Reads a text message, after its Engine.IO type (Socket.IO v5, "Packet encoding").
    init(_ text: ByteBuffer) throws(Malformed) {
        var text = text
        guard let kind = text.readInteger(as: UInt8.self).flatMap(Kind.init) else {
            throw Malformed(message: "unknown packet type")
        }
        self.kind = kind
        if kind == .binaryEvent || kind == .binaryAcknowledgement {
            guard let count = try Self.number(&text), text.readInteger(as: UInt8.self) == UInt8(ascii: "-"),
                count <= Self.maximumAttachments
            else { throw Malformed(message: "a binary packet with a bad number of attachments") }
            self.attachments = count
        } else {
            self.attachments = 0
        }
        self.namespace = try Self.namespace(&text)
        self.id = try Self.number(&text)
        guard text.readableBytes > 0 else {
            self.payload = nil
            guard kind == .connect || kind == .disconnect else { throw Malformed(message: "a packet without payload") }
            return
        }
        do throws(JSONError) {
            self.payload = try JSONBytes(validating: text, maximumDepth: Self.maximumDepth)
        } catch {
            throw Malformed(message: error.message)
        }
    }

    /// `/name,`; the comma may be missing at the end of the packet. A query after the name, which servers of v4 sent
    /// back, is not part of it.
    private static func namespace(_ text: inout ByteBuffer) throws(Malformed) -> String {
        guard text.getInteger(at: text.readerIndex, as: UInt8.self) == UInt8(ascii: "/") else { return "/" }
        let view = text.readableBytesView
        let end = view.firstIndex(of: UInt8(ascii: ",")) ?? view.endIndex
        let name = view[..<end].prefix { $0 != UInt8(ascii: "?") }
        guard let namespace = String(validating: name, as: UTF8.self) else {
            throw Malformed(message: "a namespace that is not UTF-8")
        }
        text.moveReaderIndex(forwardBy: min(end - view.startIndex + 1, text.readableBytes))
        return namespace
    }

    private static func number(_ text: inout ByteBuffer) throws(Malformed) -> Int? {
        var number: Int?
        while let byte = text.getInteger(at: text.readerIndex, as: UInt8.self), 0x30...0x39 ~= byte {
            let (product, overflow) = (number ?? 0).multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(Int(byte - 0x30))
            guard !overflow, !carry else { throw Malformed(message: "a number out of range") }
            number = sum
            text.moveReaderIndex(forwardBy: 1)
        }
        return number
    }
}
