/// Finds the pieces of a JSON text without reading it whole: a server is trusted to send JSON, but not to be right, so
/// nothing here traps or nests.
struct JSONText {
    private let bytes: [UInt8]

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    init(_ text: String) {
        self.bytes = Array(text.utf8)
    }

    /// The elements of an array, each as JSON text. Nil: not an array.
    func elements() -> [String]? {
        self.pieces(open: "[", close: "]")
    }

    /// The value of a member of an object, as JSON text.
    func member(_ key: String) -> String? {
        guard let pieces = self.pieces(open: "{", close: "}") else { return nil }
        return pieces.lazy.compactMap { piece -> String? in
            let text = JSONText(piece)
            guard let end = text.endOfValue(at: 0) else { return nil }
            let colon = text.skipSpace(end)
            guard colon < text.bytes.count, text.bytes[colon] == UInt8(ascii: ":"),
                JSONText(Array(text.bytes[..<end])).string() == key
            else { return nil }
            let start = text.skipSpace(colon + 1)
            return String(decoding: text.bytes[start...], as: UTF8.self)
        }.first
    }

    /// The value of a string. Nil: not a string.
    func string() -> String? {
        guard self.bytes.count >= 2, self.bytes.first == UInt8(ascii: "\""), self.bytes.last == UInt8(ascii: "\"")
        else { return nil }
        var units: [UInt8] = []
        var index = 1
        let end = self.bytes.count - 1
        while index < end {
            let byte = self.bytes[index]
            index += 1
            guard byte == UInt8(ascii: "\\") else {
                units.append(byte)
                continue
            }
            guard index < end else { return nil }
            let escape = self.bytes[index]
            index += 1
            switch escape {
            case UInt8(ascii: "n"): units.append(0x0A)
            case UInt8(ascii: "t"): units.append(0x09)
            case UInt8(ascii: "r"): units.append(0x0D)
            case UInt8(ascii: "b"): units.append(0x08)
            case UInt8(ascii: "f"): units.append(0x0C)
            case UInt8(ascii: "u"):
                guard var code = self.unit(at: index, end) else { return nil }
                index += 4
                if code & 0xFC00 == 0xD800, index + 6 <= end, self.bytes[index] == UInt8(ascii: "\\"),
                    self.bytes[index + 1] == UInt8(ascii: "u"), let low = self.unit(at: index + 2, end),
                    low & 0xFC00 == 0xDC00
                {
                    code = 0x10000 + (code & 0x3FF) << 10 + (low & 0x3FF)
                    index += 6
                }
                guard let scalar = Unicode.Scalar(code) else { return nil }
                units += Array(String(scalar).utf8)
            default: units.append(escape)
            }
        }
        return String(validating: units, as: UTF8.self)
    }

    /// A string as JSON text.
    static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\u{0}"..."\u{1F}":
                let hex = String(scalar.value, radix: 16)
                quoted += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }

    private func unit(at index: Int, _ end: Int) -> UInt32? {
        guard index + 4 <= end else { return nil }
        return UInt32(String(decoding: self.bytes[index..<index + 4], as: UTF8.self), radix: 16)
    }

    /// What stands between commas at the first level.
    private func pieces(open: Unicode.Scalar, close: Unicode.Scalar) -> [String]? {
        var index = self.skipSpace(0)
        guard index < self.bytes.count, self.bytes[index] == UInt8(ascii: open) else { return nil }
        var pieces: [String] = []
        index = self.skipSpace(index + 1)
        if index < self.bytes.count, self.bytes[index] == UInt8(ascii: close) { return pieces }
        while true {
            let start = index
            guard var end = self.endOfValue(at: index) else { return nil }
            index = self.skipSpace(end)
            if index < self.bytes.count, self.bytes[index] == UInt8(ascii: ":") {
                guard let value = self.endOfValue(at: self.skipSpace(index + 1)) else { return nil }
                end = value
                index = self.skipSpace(end)
            }
            pieces.append(String(decoding: self.bytes[start..<end], as: UTF8.self))
            guard index < self.bytes.count else { return nil }
            if self.bytes[index] == UInt8(ascii: close) { return pieces }
            guard self.bytes[index] == UInt8(ascii: ",") else { return nil }
            index = self.skipSpace(index + 1)
        }
    }

    private func skipSpace(_ index: Int) -> Int {
        var index = index
        while index < self.bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(self.bytes[index]) { index += 1 }
        return index
    }

    /// The index after the value that starts at `index`.
    private func endOfValue(at start: Int) -> Int? {
        var index = start
        var depth = 0
        while index < self.bytes.count {
            switch self.bytes[index] {
            case UInt8(ascii: "\""):
                index += 1
                while index < self.bytes.count, self.bytes[index] != UInt8(ascii: "\"") {
                    index += self.bytes[index] == UInt8(ascii: "\\") ? 2 : 1
                }
                guard index < self.bytes.count else { return nil }
                if depth == 0 { return index + 1 }
            case UInt8(ascii: "["), UInt8(ascii: "{"):
                depth += 1
            case UInt8(ascii: "]"), UInt8(ascii: "}"):
                guard depth > 0 else { return index > start ? index : nil }
                depth -= 1
                if depth == 0 { return index + 1 }
            case UInt8(ascii: ","), UInt8(ascii: ":"), 0x20, 0x09, 0x0A, 0x0D:
                if depth == 0 { return index > start ? index : nil }
            default: break
            }
            index += 1
        }
        return depth == 0 && index > start ? index : nil
    }
}
