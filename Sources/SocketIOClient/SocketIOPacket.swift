import NIOCore

/// A Socket.IO packet that the server sent, after its Engine.IO type `4`.
struct SocketIOPacket {
    enum Kind {
        case event(name: String)
        case acknowledgement
        /// CONNECT, DISCONNECT or CONNECT_ERROR, of a namespace that is not ours.
        case other
    }

    private static let maximumAttachments = 1024

    let kind: Kind
    let namespace: String
    let id: Int?
    let arguments: [String]
    var attachments: [ByteBuffer] = []
    var missingAttachments = 0

    /// Nil: not a packet.
    init?(_ payload: ByteBuffer) {
        var rest = payload.readableBytesView.dropFirst()
        guard let type = rest.popFirst() else { return nil }
        let isBinary = type == UInt8(ascii: "5") || type == UInt8(ascii: "6")
        if isBinary {
            guard let count = Self.number(&rest), rest.popFirst() == UInt8(ascii: "-"), count <= Self.maximumAttachments
            else { return nil }
            self.missingAttachments = count
        }
        if rest.first == UInt8(ascii: "/") {
            let name = rest.prefix { $0 != UInt8(ascii: ",") }
            rest = rest.dropFirst(name.count + 1)
            self.namespace = String(decoding: name, as: UTF8.self)
        } else {
            self.namespace = "/"
        }
        self.id = Self.number(&rest)
        switch type {
        case UInt8(ascii: "2"), UInt8(ascii: "5"):
            guard let elements = JSONText(Array(rest)).elements(),
                let name = elements.first.flatMap({ JSONText($0).string() })
            else { return nil }
            self.kind = .event(name: name)
            self.arguments = Array(elements.dropFirst())
        case UInt8(ascii: "3"), UInt8(ascii: "6"):
            guard self.id != nil, let elements = JSONText(Array(rest)).elements() else { return nil }
            self.kind = .acknowledgement
            self.arguments = elements
        case UInt8(ascii: "0"), UInt8(ascii: "1"), UInt8(ascii: "4"):
            self.kind = .other
            self.arguments = []
        default: return nil
        }
    }

    private static func number(_ bytes: inout ByteBufferView) -> Int? {
        let digits = bytes.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        guard !digits.isEmpty, let number = Int(String(decoding: digits, as: UTF8.self)) else { return nil }
        bytes = bytes.dropFirst(digits.count)
        return number
    }
}
