package import NIOCore

/// A packet of Socket.IO v5 as it came in a text message; the payload stays bytes.
package struct SocketPacket: Sendable, Equatable {
    package enum Kind: UInt8, Sendable {
        case connect = 0x30
        case disconnect = 0x31
        case event = 0x32
        case acknowledgement = 0x33
        case connectError = 0x34
        case binaryEvent = 0x35
        case binaryAcknowledgement = 0x36
    }

    package let kind: Kind
    /// Begins with a slash; `/` when the packet names none.
    package let namespace: String
    package let acknowledgementID: Int?
    /// What follows the header; may be empty.
    package let payload: ByteBuffer

    /// Reads the header: type, `attachments-`, `/namespace,`, acknowledgement id (Socket.IO v5, "Packet encoding").
    ///
    /// - Returns: `nil` when the text is no packet. Binary packets are none here: their attachments have no place yet
    ///   on a connection that carries text only.
    package init?(_ text: ByteBuffer) {
        var text = text
        guard let kind = text.readInteger(as: UInt8.self).flatMap(Kind.init) else { return nil }
        guard kind != .binaryEvent, kind != .binaryAcknowledgement else { return nil }
        self.kind = kind
        if text.getInteger(at: text.readerIndex, as: UInt8.self) == UInt8(ascii: "/") {
            let view = text.readableBytesView
            let end = view.firstIndex(of: UInt8(ascii: ",")) ?? view.endIndex
            // A query after a namespace's name was part of it once; clients of v5 may still send it.
            let name = view[..<end].prefix { $0 != UInt8(ascii: "?") }
            guard name.count <= 128, let namespace = String(validating: name, as: UTF8.self) else { return nil }
            self.namespace = namespace
            text.moveReaderIndex(forwardBy: min(end - view.startIndex + 1, text.readableBytes))
        } else {
            namespace = "/"
        }
        var id: Int?
        while let byte = text.getInteger(at: text.readerIndex, as: UInt8.self), 0x30...0x39 ~= byte {
            let (product, overflow) = (id ?? 0).multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(Int(byte - 0x30))
            guard !overflow, !carry, sum <= 1 << 53 else { return nil }
            id = sum
            text.moveReaderIndex(forwardBy: 1)
        }
        acknowledgementID = id
        payload = text
    }
}
