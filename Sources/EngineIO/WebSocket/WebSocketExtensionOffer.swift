/// One extension that a client offers in `Sec-WebSocket-Extensions` (RFC 6455, 9.1).
struct WebSocketExtensionOffer: Equatable {
    struct Parameter: Equatable {
        let name: String
        /// Without its quotes; nil: the name stands alone.
        let value: String?
    }

    /// The header is not what RFC 6455 says, and the connection is to be refused.
    struct Malformed: Error, Equatable {}

    let name: String
    let parameters: [Parameter]

    /// The offers of one header line, the preferred first. Takes time in proportion to the line.
    static func list(_ line: String) throws(Malformed) -> [WebSocketExtensionOffer] {
        var scanner = Scanner(line)
        var offers: [WebSocketExtensionOffer] = []
        while true {
            // RFC 7230, 7: a recipient takes lists with empty elements.
            while scanner.take(UInt8(ascii: ",")) {}
            guard !scanner.isAtEnd else { break }
            offers.append(try scanner.offer())
            guard scanner.isAtEnd || scanner.isNext(UInt8(ascii: ",")) else { throw Malformed() }
        }
        guard !offers.isEmpty else { throw Malformed() }
        return offers
    }

    /// Reads tokens; the white space around them is behind it already.
    private struct Scanner {
        private let bytes: [UInt8]
        private var index = 0

        init(_ line: String) {
            self.bytes = Array(line.utf8)
            self.skipSpace()
        }

        var isAtEnd: Bool { self.index == self.bytes.count }

        func isNext(_ byte: UInt8) -> Bool { !self.isAtEnd && self.bytes[self.index] == byte }

        mutating func take(_ byte: UInt8) -> Bool {
            guard self.isNext(byte) else { return false }
            self.index += 1
            self.skipSpace()
            return true
        }

        mutating func offer() throws(Malformed) -> WebSocketExtensionOffer {
            let name = try self.token()
            var parameters: [Parameter] = []
            while self.take(UInt8(ascii: ";")) {
                let name = try self.token()
                let value = self.take(UInt8(ascii: "=")) ? try self.value() : nil
                parameters.append(Parameter(name: name, value: value))
            }
            return WebSocketExtensionOffer(name: name, parameters: parameters)
        }

        private mutating func token() throws(Malformed) -> String {
            let begin = self.index
            while !self.isAtEnd, Self.isTokenByte(self.bytes[self.index]) {
                self.index += 1
            }
            guard self.index > begin else { throw Malformed() }
            let token = String(decoding: self.bytes[begin..<self.index], as: UTF8.self)
            self.skipSpace()
            return token
        }

        /// A token, or a quoted string whose content is a token once the quotes are gone.
        private mutating func value() throws(Malformed) -> String {
            guard self.isNext(UInt8(ascii: "\"")) else { return try self.token() }
            self.index += 1
            var value: [UInt8] = []
            while !self.isAtEnd {
                var byte = self.bytes[self.index]
                self.index += 1
                if byte == UInt8(ascii: "\"") {
                    guard !value.isEmpty else { throw Malformed() }
                    self.skipSpace()
                    return String(decoding: value, as: UTF8.self)
                }
                if byte == UInt8(ascii: "\\"), !self.isAtEnd {
                    byte = self.bytes[self.index]
                    self.index += 1
                }
                guard Self.isTokenByte(byte) else { throw Malformed() }
                value.append(byte)
            }
            throw Malformed()
        }

        private mutating func skipSpace() {
            while self.isNext(UInt8(ascii: " ")) || self.isNext(UInt8(ascii: "\t")) {
                self.index += 1
            }
        }

        /// RFC 7230, 3.2.6.
        private static func isTokenByte(_ byte: UInt8) -> Bool {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"):
                true
            case UInt8(ascii: "!"), UInt8(ascii: "#")...UInt8(ascii: "'"), UInt8(ascii: "*"), UInt8(ascii: "+"),
                UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "^")...UInt8(ascii: "`"), UInt8(ascii: "|"),
                UInt8(ascii: "~"):
                true
            default: false
            }
        }
    }
}
