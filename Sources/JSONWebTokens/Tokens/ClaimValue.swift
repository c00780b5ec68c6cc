/// What a claim says, as far as anything here reads it.
enum ClaimValue: Decodable, Equatable {
    case string(String)
    case strings([String])
    case number(Double)
    /// `null`, a boolean, an object, or an array of anything but strings.
    case other

    init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if let string = try? container.decode(String.self) {
            self = .string(string)
        } else if let number = try? container.decode(Double.self), number.isFinite {
            self = .number(number)
        } else if let strings = try? container.decode([String].self) {
            self = .strings(strings)
        } else {
            self = .other
        }
    }
}
