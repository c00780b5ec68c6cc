import NIOCore

/// A binary packet whose attachments are still on their way: they follow it one by one, with nothing between them
/// (Socket.IO v5, "Packet encoding"). Confined to its event loop.
final class BinaryAssembly {
    let packet: SocketPacket
    private(set) var attachments: [ByteBuffer] = []
    /// Bytes of the attachments so far.
    private(set) var byteCount = 0

    init(_ packet: SocketPacket) {
        self.packet = packet
        attachments.reserveCapacity(packet.attachmentCount)
    }

    /// - Returns: Whether that was the last.
    func add(_ attachment: ByteBuffer) -> Bool {
        attachments.append(attachment)
        byteCount += attachment.readableBytes
        return attachments.count == packet.attachmentCount
    }
}

extension JSONBytes {
    /// Where a binary packet has a binary value: `{"_placeholder":true,"num":0}`.
    ///
    /// - Parameter number: of the attachment, from 0.
    public static func placeholder(_ number: Int) -> JSONBytes {
        JSONBytes(unchecked: ByteBuffer(string: "{\"_placeholder\":true,\"num\":\(number)}"))
    }

    /// The number of the attachment that this value stands for; `nil` when it is no placeholder.
    var placeholder: Int? {
        guard kind == .object, self["_placeholder"]?.bool == true else { return nil }
        return self["num"]?.int
    }

    /// Whether the placeholders in this value stand for these many attachments, each for one, and none is left over.
    func placeholdersMatch(attachments count: Int) -> Bool {
        var seen = [Bool](repeating: false, count: count)
        return countPlaceholders(&seen) && seen.allSatisfy { $0 }
    }

    /// Recurses as deep as JSON may be nested.
    private func countPlaceholders(_ seen: inout [Bool]) -> Bool {
        switch kind {
        case .array:
            for element in elements() ?? [] {
                guard element.countPlaceholders(&seen) else { return false }
            }
            return true
        case .object:
            let members = members() ?? []
            guard members.contains(where: { $0.key == "_placeholder" && $0.value.bool == true }) else {
                for member in members {
                    guard member.value.countPlaceholders(&seen) else { return false }
                }
                return true
            }
            let numbers = members.filter { $0.key == "num" }
            guard numbers.count == 1, let number = numbers[0].value.int, seen.indices.contains(number), !seen[number]
            else { return false }
            seen[number] = true
            return true
        case .null, .boolean, .number, .string:
            return true
        }
    }
}
