/// One setting: its name, its default, what it takes and what it means.
///
/// ``all`` is the one table that parsing, environment, flags, the file, `--help` and the documentation are made from.
package struct ConfigurationKey: Sendable {
    /// What a setting is about; the headings of `--help` and of the documentation.
    package enum Group: String, CaseIterable, Sendable {
        case node = "Node"
        case redis = "Redis"
        case accounts = "Accounts and login"
        case tokens = "Login by JSON Web Token"
        case browsers = "Browsers and proxies"
        case sessions = "Sessions and rooms"
        case sockets = "Sockets"
        case limits = "Limits"
        case logs = "Logs"
    }

    /// The dotted name, as in the file: `redis.url`.
    package let name: String
    package let group: Group
    package let kind: ConfigurationKind
    /// The value when nothing sets the key; `nil`: there is none, or it is worked out at the start.
    package let defaultValue: String?
    /// The default in words, where it is not simply a value.
    package let defaultPhrase: String?
    /// What the setting means: a phrase without a full stop.
    package let help: String
    /// The value is never shown: not in errors, not in logs.
    package let isSecret: Bool

    package init(
        _ name: String, _ group: Group, _ kind: ConfigurationKind, default defaultValue: String? = nil,
        phrase defaultPhrase: String? = nil, secret isSecret: Bool = false, _ help: String
    ) {
        self.name = name
        self.group = group
        self.kind = kind
        self.defaultValue = defaultValue
        self.defaultPhrase = defaultPhrase
        self.help = help
        self.isSecret = isSecret
    }

    /// `REJOIN_REDIS_URL` for `redis.url`.
    package var environmentName: String {
        "REJOIN_" + name.uppercased().map { $0 == "." || $0 == "-" ? "_" : String($0) }.joined()
    }

    /// `--redis-url` for `redis.url`.
    package var flag: String {
        "--" + name.map { $0 == "." ? "-" : String($0) }.joined()
    }

    /// What stands for the default in help and documentation.
    package var shownDefault: String { defaultPhrase ?? defaultValue ?? "none" }

    /// Spellings that mean the same key are equal in this form: `sessions-per-user`, `sessions_per_user` and
    /// `sessions.per.user`.
    static func normalized(_ name: String) -> String {
        name.lowercased().map { $0 == "-" || $0 == "_" ? "." : String($0) }.joined()
    }

    /// The key of this name in any of its spellings.
    package static func named(_ name: String) -> ConfigurationKey? { byNormalizedName[normalized(name)] }

    private static let byNormalizedName = Dictionary(
        uniqueKeysWithValues: all.map { (normalized($0.name), $0) })

    /// The key whose name is nearest to a misspelled one, if any is near enough to be meant.
    static func nearest(to name: String) -> ConfigurationKey? {
        let wanted = Array(normalized(name).utf8)
        let distances = all.map { ($0, editDistance(wanted, Array(normalized($0.name).utf8))) }
        guard let best = distances.min(by: { $0.1 < $1.1 }), best.1 <= 2 + wanted.count / 8 else { return nil }
        return best.0
    }

    /// Levenshtein's distance.
    private static func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var row = Array(0...b.count)
        for (i, left) in a.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, right) in b.enumerated() {
                let above = row[j + 1]
                row[j + 1] = min(above + 1, row[j] + 1, diagonal + (left == right ? 0 : 1))
                diagonal = above
            }
        }
        return row[b.count]
    }
}
