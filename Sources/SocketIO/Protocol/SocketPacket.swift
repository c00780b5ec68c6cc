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

        var isBinary: Bool { self == .binaryEvent || self == .binaryAcknowledgement }
    }

    package let kind: Kind
    /// How many binary messages follow; 0 for a packet that is not binary.
    package let attachmentCount: Int
    /// Begins with a slash; `/` when the packet names none.
    package let namespace: String
    package let acknowledgementID: Int?
    /// What follows the header; may be empty.
    package let payload: ByteBuffer

    /// Reads the header: type, `attachments-`, `/namespace,`, acknowledgement id (Socket.IO v5, "Packet encoding").
    ///
    /// - Returns: `nil` when the text is no packet.
    package init?(_ text: ByteBuffer) {
        var text = text
        guard let kind = text.readInteger(as: UInt8.self).flatMap(Kind.init) else { return nil }
        self.kind = kind
        if kind.isBinary {
            guard case .some(.some(let count)) = text.readDecimal(), text.readInteger() == UInt8(ascii: "-") else {
                return nil
            }
            attachmentCount = count
        } else {
            attachmentCount = 0
        }
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
        guard let id = text.readDecimal() else { return nil }
        acknowledgementID = id
        payload = text
    }
}

extension ByteBuffer {
    /// Reads as many decimal digits as there are.
    ///
    /// - Returns: `.some(nil)` when there are none; `nil` when the number is over 2^53, the last that JavaScript counts to.
    fileprivate mutating func readDecimal() -> Int?? {
        var number: Int?
        while let byte = getInteger(at: readerIndex, as: UInt8.self), 0x30...0x39 ~= byte {
            let (product, overflow) = (number ?? 0).multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(Int(byte - 0x30))
            guard !overflow, !carry, sum <= 1 << 53 else { return nil }
            number = sum
            moveReaderIndex(forwardBy: 1)
        }
        return .some(number)
    }
}
