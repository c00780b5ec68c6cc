import NIOCore

/// How the packets of one event begin: `42["patch"`, or `42/game,["patch"`.
struct EventHead {
    private let bytes: [UInt8]

    init(_ event: String, namespace: String) {
        let prefix = namespace == "/" ? "" : "\(namespace),"
        self.bytes = Array("42\(prefix)[\"\(Self.escaped(event))\"".utf8)
    }

    func begins(_ payload: ByteBuffer) -> Bool {
        payload.withUnsafeReadableBytes { $0.starts(with: self.bytes) }
    }

    /// As it stands inside a JSON string (RFC 8259, 7).
    static func escaped(_ text: String) -> String {
        var escaped = ""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": escaped += "\\\""
            case "\\": escaped += "\\\\"
            case "\u{00}"..<"\u{20}":
                let digits = String(scalar.value, radix: 16)
                escaped += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: escaped.unicodeScalars.append(scalar)
            }
        }
        return escaped
    }
}
