package import NIOCore
package import NIOHTTP1

/// The first request of a connection, when it is what clients send to open a WebSocket, and came in one piece.
///
/// Most connections are just that: their request is read here, and HTTP's decoder, its encoder and a timer are never made
/// for them. What is anything else in the least, or anything that two readers might understand differently, is left to the
/// decoder. So is what names a session, which may have to be passed on to another node, and what is written with
/// escapes, since they could spell such a name.
package enum OpeningRequest {
    /// - Parameters:
    ///   - bytes: the first that the peer sent.
    ///   - path: the engine's, which begins and ends with a slash.
    /// - Returns: The head, exactly as the decoder would read it; `nil`: it is the decoder's to read.
    package static func head(
        _ bytes: ByteBuffer, path: String, maximumHeaders: Int, maximumBytes: Int
    ) -> HTTPRequestHead? {
        guard bytes.readableBytes <= maximumBytes else { return nil }
        return bytes.withUnsafeReadableBytes { bytes in
            var reader = Reader(bytes)
            guard reader.skip("GET "), let uri = reader.target(), uri.utf8.starts(with: path.utf8),
                reader.skip("HTTP/1.1\r\n")
            else { return nil }
            var fields: [(String, String)] = []
            fields.reserveCapacity(16)
            var isUpgrade = false
            while !reader.skip("\r\n") {
                guard fields.count < maximumHeaders, let field = reader.field() else { return nil }
                switch field.name.utf8.count {
                // Of these lengths few others are.
                case 6, 7, 14, 17:
                    switch field.name.lowercased() {
                    case "upgrade": isUpgrade = true
                    case "expect", "content-length", "transfer-encoding": return nil
                    default: break
                    }
                default: break
                }
                fields.append((field.name, field.value))
            }
            // What comes behind the request would be the decoder's too.
            guard isUpgrade, reader.isAtEnd else { return nil }
            return HTTPRequestHead(version: .http1_1, method: .GET, uri: uri, headers: HTTPHeaders(fields))
        }
    }

    private struct Reader {
        private let bytes: UnsafeRawBufferPointer
        private var index = 0

        init(_ bytes: UnsafeRawBufferPointer, at index: Int = 0) {
            self.bytes = bytes
            self.index = index
        }

        private var isSession: Bool {
            var ahead = self
            return ahead.skip("sid=")
        }

        var isAtEnd: Bool { index == bytes.count }

        mutating func skip(_ text: StaticString) -> Bool {
            let end = index + text.utf8CodeUnitCount
            guard end <= bytes.count,
                bytes[index..<end].elementsEqual(
                    UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
            else { return false }
            index = end
            return true
        }

        /// What the request is for, and the space after it.
        mutating func target() -> String? {
            let begin = index
            while index < bytes.count, case 0x21...0x7E = bytes[index] {
                if bytes[index] == UInt8(ascii: "%") { return nil }
                if bytes[index] == UInt8(ascii: "s"), Reader(bytes, at: index).isSession { return nil }
                index += 1
            }
            let end = index
            guard end > begin, skip(" ") else { return nil }
            return text(begin..<end)
        }

        /// A header line: a token, a colon, and one value of visible ASCII, without space at its end.
        mutating func field() -> (name: String, value: String)? {
            let begin = index
            while index < bytes.count, OpeningRequest.isToken[Int(bytes[index])] { index += 1 }
            let name = begin..<index
            guard !name.isEmpty, skip(":") else { return nil }
            _ = skip(" ")
            let valueBegin = index
            while index < bytes.count, case 0x20...0x7E = bytes[index] { index += 1 }
            let value = valueBegin..<index
            guard let first = value.first.map({ bytes[$0] }), first != 0x20, bytes[value.upperBound - 1] != 0x20,
                skip("\r\n")
            else { return nil }
            return (text(name), text(value))
        }

        private func text(_ range: Range<Int>) -> String {
            String(decoding: UnsafeRawBufferPointer(rebasing: bytes[range]), as: UTF8.self)
        }
    }

    /// RFC 9110, 5.6.2: the characters of a header's name.
    private static let isToken: [Bool] = (0..<256).map { byte in
        switch UInt8(byte) {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(UInt8(byte))
        }
    }
}
