import FoundationEssentials

/// The layers of configuration as one: flags before environment, environment before file, file before default.
package struct ConfigurationReader: Sendable {
    /// Where a value came from, for messages.
    private enum Origin {
        case flag, environment, file(String), byDefault

        func describe(_ key: ConfigurationKey) -> String {
            switch self {
            case .flag: "from \(key.flag)"
            case .environment: "from \(key.environmentName)"
            case .file(let path): "in \(path)"
            case .byDefault: "by default"
            }
        }
    }

    private let flags: [String: String]
    private let environment: [String: String]
    private let file: ConfigurationFile?

    /// What is odd but no error, one line each: variables that begin with `REJOIN_` and are no setting.
    package let warnings: [String]

    /// Lays the sources over each other and reads the file that `--config` (or `REJOIN_CONFIG`) names.
    ///
    /// An unknown variable is a warning only: environments are shared with other programs and other versions, and
    /// orchestrators add variables of their own (`REJOIN_SERVICE_HOST`).
    package init(flags: ConfigurationFlags, environment: [String: String]) throws(ConfigurationError) {
        let path = flags.file ?? environment["REJOIN_CONFIG"].flatMap { $0.isEmpty ? nil : $0 }
        if let path {
            file = try ConfigurationFile(path: path)
        } else {
            file = nil
        }
        self.flags = flags.values
        var known: [String: String] = [:]
        var unknown: [String] = []
        for (variable, value) in environment where variable.hasPrefix("REJOIN_") && variable != "REJOIN_CONFIG" {
            if let key = ConfigurationKey.named(String(variable.dropFirst(7))), key.environmentName == variable {
                known[key.name] = value
            } else {
                let hint = ConfigurationKey.nearest(to: String(variable.dropFirst(7)))
                unknown.append("\(variable) is no setting\(hint.map { ", \($0.environmentName) may be meant" } ?? "")")
            }
        }
        self.environment = known
        warnings = unknown.sorted()
    }

    private func find(_ key: ConfigurationKey) -> (text: String, origin: Origin)? {
        if let text = flags[key.name] { return (text, .flag) }
        if let text = environment[key.name], !text.isEmpty { return (text, .environment) }
        if let file, let text = file.values[key.name], !text.isEmpty { return (text, .file(file.path)) }
        return key.defaultValue.map { ($0, .byDefault) }
    }

    /// Whether flags, environment or file set the key. An empty variable sets nothing.
    package func isSet(_ key: ConfigurationKey) -> Bool {
        if case .byDefault? = find(key)?.origin { return false }
        return find(key) != nil
    }

    /// What the file sets, under the names of the environment.
    package var environmentOfFile: [String: String] {
        var values: [String: String] = [:]
        for key in ConfigurationKey.all {
            if let text = file?.values[key.name], !text.isEmpty { values[key.environmentName] = text }
        }
        return values
    }

    /// An error about the value of `key` that says where the value came from.
    func error(_ key: ConfigurationKey, _ problem: String? = nil) -> ConfigurationError {
        let found = find(key)
        let origin = found.map { " \($0.origin.describe(key))" } ?? ""
        let value = key.isSecret ? "the value\(origin)" : "\"\(found?.text ?? "")\"\(origin)"
        return ConfigurationError(key: key, "\(value) \(problem ?? "is not valid"), expected \(key.kind.expected)")
    }

    /// The value of a key that has a default, read by `parse`; `nil` from `parse` is an error of the configuration.
    func value<Value>(_ key: ConfigurationKey, _ parse: (String) -> Value?) throws(ConfigurationError) -> Value {
        guard let value = try optional(key, parse) else {
            throw ConfigurationError(key: key, "is not set, expected \(key.kind.expected)")
        }
        return value
    }

    /// The value of a key, `nil` when nothing sets it.
    func optional<Value>(_ key: ConfigurationKey, _ parse: (String) -> Value?) throws(ConfigurationError) -> Value? {
        guard let (text, _) = find(key) else { return nil }
        guard let value = parse(text) else { throw error(key) }
        return value
    }

    // MARK: Values of the kinds

    func text(_ key: ConfigurationKey) throws(ConfigurationError) -> String {
        try value(key) { $0.isEmpty ? nil : $0 }
    }

    func optionalText(_ key: ConfigurationKey) throws(ConfigurationError) -> String? {
        try optional(key) { $0.isEmpty ? nil : $0 }
    }

    func boolean(_ key: ConfigurationKey) throws(ConfigurationError) -> Bool {
        try value(key, Self.boolean)
    }

    static func boolean(_ text: String) -> Bool? {
        switch text.lowercased() {
        case "true", "yes", "on", "1": true
        case "false", "no", "off", "0": false
        default: nil
        }
    }

    /// A number, a number of bytes or a rate, within the bounds of the table.
    func integer(_ key: ConfigurationKey) throws(ConfigurationError) -> Int {
        try value(key) { Self.integer($0, key.kind) }
    }

    func optionalInteger(_ key: ConfigurationKey) throws(ConfigurationError) -> Int? {
        try optional(key) { Self.integer($0, key.kind) }
    }

    private static func integer(_ text: String, _ kind: ConfigurationKind) -> Int? {
        switch kind {
        case .integer(let range), .bytes(let range):
            return Int(text).flatMap { range.contains($0) ? $0 : nil }
        case .rate(let range):
            let number = text.hasSuffix("/s") ? String(text.dropLast(2)) : text
            return Int(number).flatMap { range.contains($0) ? $0 : nil }
        case .boolean, .choice, .duration, .list, .text:
            preconditionFailure("the key is not a number")
        }
    }

    func duration(_ key: ConfigurationKey) throws(ConfigurationError) -> Duration {
        guard case .duration(let range) = key.kind else { preconditionFailure("the key is not a duration") }
        return try value(key) { text in
            DurationText.parse(text).flatMap { range.contains($0) ? $0 : nil }
        }
    }

    func choice<Value: RawRepresentable<String>>(_ key: ConfigurationKey) throws(ConfigurationError) -> Value {
        try value(key) { Value(rawValue: $0) }
    }

    /// Comma-separated items with the space around them taken away; none when nothing sets the key.
    func list<Item>(_ key: ConfigurationKey, _ parse: (String) -> Item?) throws(ConfigurationError) -> [Item] {
        let items = try optional(key) { text -> [Item]? in
            var items: [Item] = []
            for part in text.split(separator: ",") {
                let trimmed = part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed()
                guard let item = parse(String(trimmed)) else { return nil }
                items.append(item)
            }
            return items.isEmpty ? nil : items
        }
        return items ?? []
    }
}
