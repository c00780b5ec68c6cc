/// The name of a metric family as Prometheus takes it: `[a-zA-Z_:][a-zA-Z0-9_:]*`.
enum MetricName {
    /// Every character that a metric name may not have becomes `_`; a name that is empty or begins with a digit gets
    /// a `_` in front.
    static func sanitized(_ label: String) -> String {
        Self.sanitized(label, allowsColon: true)
    }

    /// A label's name: no colon, and not in the name space that Prometheus keeps to itself (`__`).
    static func sanitizedLabel(_ name: String) -> String {
        var result = Self.sanitized(name, allowsColon: false)
        while result.utf8.starts(with: "__".utf8) { result.removeFirst() }
        return result
    }

    /// `name`, ending in `suffix` exactly once.
    static func suffixed(_ name: String, _ suffix: String) -> String {
        name.hasSuffix(suffix) ? name : name + suffix
    }

    private static func sanitized(_ string: String, allowsColon: Bool) -> String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(string.utf8.count + 1)
        for scalar in string.unicodeScalars {
            switch scalar {
            case "a"..."z", "A"..."Z", "_":
                bytes.append(UInt8(scalar.value))
            case ":" where allowsColon:
                bytes.append(UInt8(ascii: ":"))
            case "0"..."9":
                if bytes.isEmpty { bytes.append(UInt8(ascii: "_")) }
                bytes.append(UInt8(scalar.value))
            default:
                bytes.append(UInt8(ascii: "_"))
            }
        }
        return bytes.isEmpty ? "_" : String(decoding: bytes, as: UTF8.self)
    }
}
