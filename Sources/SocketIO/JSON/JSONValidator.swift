/// Proves that bytes are one JSON text by RFC 8259, in one pass and without allocating.
///
/// Stricter than the standard where a later reader could trip: nesting has a limit, text is valid UTF-8, escaped
/// surrogates come in pairs, and numbers are finite as `Double`.
struct JSONValidator {
    private let bytes: UnsafeRawBufferPointer
    private let maximumDepth: Int
    private var index = 0
    private var depth = 0
    /// The open containers, innermost in the lowest bit: 1 is an object, 0 an array.
    private var containers: UInt64 = 0

    /// The deepest nesting that can be asked for.
    static let depthLimit = 64

    /// - Returns: where the value is, without the white space around it.
    static func validate(_ bytes: UnsafeRawBufferPointer, maximumDepth: Int) -> Result<Range<Int>, JSONError> {
        var validator = JSONValidator(bytes: bytes, maximumDepth: maximumDepth)
        do {
            return .success(try validator.text())
        } catch {
            return .failure(error)
        }
    }

    private init(bytes: UnsafeRawBufferPointer, maximumDepth: Int) {
        self.bytes = bytes
        self.maximumDepth = min(maximumDepth, Self.depthLimit)
    }

    private mutating func text() throws(JSONError) -> Range<Int> {
        skipWhiteSpace()
        let start = index
        value: while true {
            switch try peek() {
            case UInt8(ascii: "{"):
                try open(object: true)
                if try peek() == UInt8(ascii: "}") {
                    close()
                } else {
                    try key()
                    continue value
                }
            case UInt8(ascii: "["):
                try open(object: false)
                if try peek() == UInt8(ascii: "]") {
                    close()
                } else {
                    continue value
                }
            case UInt8(ascii: "\""):
                try string()
            case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                try number()
            case UInt8(ascii: "t"):
                try literal("true")
            case UInt8(ascii: "f"):
                try literal("false")
            case UInt8(ascii: "n"):
                try literal("null")
            default:
                throw error("expected a value")
            }
            while depth > 0 {
                skipWhiteSpace()
                let isObject = containers & 1 == 1
                switch try peek() {
                case UInt8(ascii: ","):
                    index += 1
                    skipWhiteSpace()
                    if isObject { try key() }
                    continue value
                case UInt8(ascii: "}") where isObject, UInt8(ascii: "]") where !isObject:
                    close()
                default:
                    throw error(isObject ? "expected ',' or '}'" : "expected ',' or ']'")
                }
            }
            let end = index
            skipWhiteSpace()
            guard index == bytes.count else { throw error("expected the end of the text") }
            return start..<end
        }
    }

    // MARK: Containers

    private mutating func open(object: Bool) throws(JSONError) {
        guard depth < maximumDepth else { throw error("nested deeper than \(maximumDepth)") }
        depth += 1
        containers = containers << 1 | (object ? 1 : 0)
        index += 1
        skipWhiteSpace()
    }

    private mutating func close() {
        depth -= 1
        containers >>= 1
        index += 1
    }

    private mutating func key() throws(JSONError) {
        guard try peek() == UInt8(ascii: "\"") else { throw error("expected a key") }
        try string()
        skipWhiteSpace()
        guard try peek() == UInt8(ascii: ":") else { throw error("expected ':'") }
        index += 1
        skipWhiteSpace()
    }

    // MARK: Scalars

    private mutating func literal(_ word: StaticString) throws(JSONError) {
        let count = word.utf8CodeUnitCount
        guard bytes.count - index >= count else { throw error("expected a value") }
        for offset in 0..<count where bytes[index + offset] != word.utf8Start[offset] {
            throw error("expected a value")
        }
        index += count
    }

    private mutating func number() throws(JSONError) {
        let start = index
        if bytes[index] == UInt8(ascii: "-") { index += 1 }
        if try peek() == UInt8(ascii: "0") {
            index += 1
        } else {
            try digits()
        }
        var isShort = index - start < 300
        if index < bytes.count, bytes[index] == UInt8(ascii: ".") {
            index += 1
            try digits()
        }
        if index < bytes.count, bytes[index] | 0x20 == UInt8(ascii: "e") {
            isShort = false
            index += 1
            let sign = try peek()
            if sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { index += 1 }
            try digits()
        }
        guard isShort || JSONNumber(UnsafeRawBufferPointer(rebasing: bytes[start..<index])).isFinite else {
            throw error("a number beyond the range of a double")
        }
    }

    private mutating func digits() throws(JSONError) {
        let start = index
        while index < bytes.count, bytes[index] &- UInt8(ascii: "0") < 10 { index += 1 }
        guard index > start else { throw error("expected a digit") }
    }

    private mutating func string() throws(JSONError) {
        index += 1
        while true {
            while bytes.count - index >= 8, Self.isPlain(bytes.loadUnaligned(fromByteOffset: index, as: UInt64.self)) {
                index += 8
            }
            let byte = try peek()
            switch byte {
            case UInt8(ascii: "\""):
                index += 1
                return
            case UInt8(ascii: "\\"):
                try escape()
            case 0x20..<0x80:
                index += 1
            case 0x80...0xFF:
                try multiByteScalar()
            default:
                throw error("a control character in a string")
            }
        }
    }

    /// Eight bytes of text that are ASCII and neither a quote, a backslash nor a control character.
    private static func isPlain(_ word: UInt64) -> Bool {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let quotes = word ^ (ones &* 0x22)
        let backslashes = word ^ (ones &* 0x5C)
        let suspicious =
            word
            | (word &- ones &* 0x20)
            | (quotes &- ones)
            | (backslashes &- ones)
        return suspicious & (ones &* 0x80) == 0
    }

    private mutating func escape() throws(JSONError) {
        index += 1
        switch try peek() {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            index += 1
        case UInt8(ascii: "u"):
            index += 1
            let unit = try hexadecimal()
            switch unit {
            case 0xD800...0xDBFF:
                guard bytes.count - index >= 6, bytes[index] == UInt8(ascii: "\\"),
                    bytes[index + 1] == UInt8(ascii: "u")
                else { throw error("a lone surrogate") }
                index += 2
                guard 0xDC00...0xDFFF ~= (try hexadecimal()) else { throw error("a lone surrogate") }
            case 0xDC00...0xDFFF:
                throw error("a lone surrogate")
            default:
                break
            }
        default:
            throw error("an unknown escape")
        }
    }

    private mutating func hexadecimal() throws(JSONError) -> UInt16 {
        guard bytes.count - index >= 4 else { throw error("expected four hexadecimal digits") }
        guard let unit = JSONCursor.hexadecimal(bytes, at: index) else {
            throw error("expected four hexadecimal digits")
        }
        index += 4
        return unit
    }

    /// One scalar of two to four bytes (RFC 3629 4: no overlong form, no surrogate, nothing above U+10FFFF).
    private mutating func multiByteScalar() throws(JSONError) {
        let lead = bytes[index]
        let length: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch lead {
        case 0xC2...0xDF: length = 2
        case 0xE0: (length, second) = (3, 0xA0...0xBF)
        case 0xED: (length, second) = (3, 0x80...0x9F)
        case 0xE1...0xEF: length = 3
        case 0xF0: (length, second) = (4, 0x90...0xBF)
        case 0xF1...0xF3: length = 4
        case 0xF4: (length, second) = (4, 0x80...0x8F)
        default: throw error("invalid UTF-8")
        }
        guard bytes.count - index >= length, second ~= bytes[index + 1] else { throw error("invalid UTF-8") }
        for offset in 2..<max(length, 2) where bytes[index + offset] & 0xC0 != 0x80 {
            throw error("invalid UTF-8")
        }
        index += length
    }

    // MARK: Bytes

    private func peek() throws(JSONError) -> UInt8 {
        guard index < bytes.count else { throw error("the text ends too early") }
        return bytes[index]
    }

    private mutating func skipWhiteSpace() {
        while index < bytes.count, JSONCursor.isWhiteSpace(bytes[index]) { index += 1 }
    }

    private func error(_ what: String) -> JSONError {
        JSONError(message: "invalid JSON at byte \(index): \(what)")
    }
}
