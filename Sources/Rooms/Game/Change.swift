public import SocketIO

/// A change of one field.
public enum Change: Sendable, Hashable {
    case set(String, JSONBytes)
    case delete(String)

    /// Sets a field to a value as JSON.
    /// - Throws: `rejected` for what JSON cannot say, such as a number that is not finite.
    public static func set(_ field: String, encoding value: some Encodable) throws(Refusal) -> Change {
        do {
            return .set(field, try JSONBytes(encoding: value))
        } catch {
            throw .rejected("the field \(field) would be no JSON: \(Refusal.describe(error))")
        }
    }

    /// The field.
    var name: String {
        switch self {
        case .set(let name, _), .delete(let name): name
        }
    }
}
