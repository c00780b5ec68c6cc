package import NIOHTTP1

/// What the query of a request to the engine's path asks for.
package struct EngineRequest: Sendable, Equatable {
    package enum Transport: String, Sendable {
        case polling
        case websocket
    }

    package let transport: Transport
    package let sid: String?
    package let query: [String: String]

    /// Whether a request is the engine's at all.
    package static func isOurs(_ head: HTTPRequestHead, path: String) -> Bool {
        guard head.uri.utf8.starts(with: path.utf8.dropLast()) else { return false }
        let rest = head.uri.utf8.dropFirst(path.utf8.count - 1)
        return rest.isEmpty || rest.elementsEqual("/".utf8) || rest.starts(with: "?".utf8)
            || rest.starts(with: "/?".utf8)
    }

    /// Reads the query as the reference server verifies it: transport, `sid`, method, protocol version.
    package init(_ head: HTTPRequestHead) throws(EngineError) {
        var query: [String: String] = [:]
        var repeated: Set<String> = []
        // Bytes, not characters: a combining mark after a separator would hide it.
        let uri = head.uri.utf8
        if let mark = uri.firstIndex(of: UInt8(ascii: "?")) {
            for pair in uri[uri.index(after: mark)...].split(separator: UInt8(ascii: "&")) {
                let parts = pair.split(separator: UInt8(ascii: "="), maxSplits: 1, omittingEmptySubsequences: false)
                guard let name = parts.first?.percentDecoded, !name.isEmpty else { throw .badRequest }
                guard let value = parts.count > 1 ? parts[1].percentDecoded : "" else { throw .badRequest }
                if query.updateValue(query[name] ?? value, forKey: name) != nil {
                    repeated.insert(name)
                }
            }
        }
        guard !repeated.contains("transport"), let transport = query["transport"].flatMap(Transport.init) else {
            throw .unknownTransport
        }
        guard !repeated.contains("sid"), !repeated.contains("EIO") else { throw .badRequest }
        self.transport = transport
        // As in the reference server, an empty one is none.
        self.sid = query["sid"].flatMap { $0.isEmpty ? nil : $0 }
        self.query = query
        guard sid == nil else { return }
        // A WebSocket by another method is refused in HTTP's own words.
        if transport == .polling, head.method != .GET { throw .badHandshakeMethod }
        if query["EIO"] != "4" { throw .unsupportedProtocol }
    }
}

extension Substring.UTF8View {
    /// The text with its percent escapes resolved; `nil` where they are broken or no UTF-8 comes out.
    var percentDecoded: String? {
        guard contains(UInt8(ascii: "%")) || contains(UInt8(ascii: "+")) else { return String(Substring(self)) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        var iterator = makeIterator()
        while let byte = iterator.next() {
            switch byte {
            case UInt8(ascii: "%"):
                guard let high = iterator.next()?.hexValue, let low = iterator.next()?.hexValue else { return nil }
                bytes.append(high << 4 | low)
            case UInt8(ascii: "+"):
                bytes.append(UInt8(ascii: " "))
            default:
                bytes.append(byte)
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }
}

extension UInt8 {
    fileprivate var hexValue: UInt8? {
        switch self {
        case 0x30...0x39: self - 0x30
        case 0x41...0x46: self - 0x41 + 10
        case 0x61...0x66: self - 0x61 + 10
        default: nil
        }
    }
}
