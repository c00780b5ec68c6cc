public import SocketIO

extension Game where Action: Decodable {
    /// Decodes the action; what its type does not name is ignored.
    /// - Throws: `bad_request`, which names the key and what is expected there.
    public func action(from json: JSONBytes) throws(Refusal) -> Action {
        do {
            return try json.decode()
        } catch {
            throw .badRequest(Refusal.describe(error))
        }
    }
}

extension Refusal {
    /// What is wrong with a value, in a line that names where.
    static func describe(_ error: any Error) -> String {
        switch error {
        case DecodingError.keyNotFound(let key, let context):
            "\(path(context.codingPath + [key])) is missing"
        case DecodingError.typeMismatch(let type, let context):
            "\(path(context.codingPath)): \(expectation(of: type)) is expected"
        case DecodingError.valueNotFound(let type, let context):
            "\(path(context.codingPath)): \(expectation(of: type)) is expected, not null"
        case DecodingError.dataCorrupted(let context):
            "\(path(context.codingPath)): \(singleLine(context.debugDescription))"
        case EncodingError.invalidValue(_, let context):
            "\(path(context.codingPath)): \(singleLine(context.debugDescription))"
        default:
            singleLine("\(error)")
        }
    }

    /// `move.to[0]`, or `action` for the whole.
    private static func path(_ keys: [any CodingKey]) -> String {
        var text = ""
        for key in keys {
            if let index = key.intValue {
                text += "[\(index)]"
            } else {
                text += text.isEmpty ? key.stringValue : ".\(key.stringValue)"
            }
        }
        return text.isEmpty ? "the value" : text
    }

    /// What others sent may be quoted in it.
    private static func singleLine(_ text: String) -> String {
        String(
            String.UnicodeScalarView(
                text.unicodeScalars.lazy.map { $0.properties.generalCategory == .control ? "\u{FFFD}" : $0 }))
    }

    private static func expectation(of type: any Any.Type) -> String {
        switch type {
        case is String.Type: "a string"
        case is Bool.Type: "true or false"
        case is any BinaryInteger.Type: "an integer"
        case is any BinaryFloatingPoint.Type: "a number"
        case is [Any].Type: "an array"
        case is [String: Any].Type: "an object"
        default: "\(type)"
        }
    }
}
