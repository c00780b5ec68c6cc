import FoundationEssentials
import JSONWebTokens

extension RejoinConfiguration {
    /// - Returns: `nil` when neither keys nor a secret are given.
    static func tokens(_ reader: ConfigurationReader) throws(ConfigurationError) -> JSONWebTokenConfiguration? {
        // Read even where no token is taken: a wrong value is wrong all the same.
        let keys = try location(.jwtKeys, reader) { text throws(JSONWebTokenError) in try KeyLocation(text) }
        let secret = try location(.jwtSecret, reader) { text throws(JSONWebTokenError) in
            try KeyLocation(secret: Data(base64Encoded: text).map { [UInt8]($0) } ?? [])
        }
        let issuer = try optionalText(.jwtIssuer, reader)
        let audience = try optionalText(.jwtAudience, reader)
        let userClaim = try text(.jwtUserClaim, reader)
        let nameClaim = try text(.jwtNameClaim, reader)
        let prefix = try reader.value(.jwtIDPrefix) { isPrefix($0) ? $0 : nil }
        let leeway = try reader.duration(.jwtLeeway)
        guard keys == nil || secret == nil else {
            throw ConfigurationError(key: .jwtSecret, "is set beside jwt.keys, only one of them is expected")
        }
        guard let keys = keys ?? secret else {
            for key in [ConfigurationKey.jwtIssuer, .jwtAudience] where reader.isSet(key) {
                throw reader.error(key, "needs jwt.keys or jwt.secret, and neither is set")
            }
            return nil
        }
        // Without both, tokens that the provider made for anybody else would log in here.
        guard let issuer else { throw missing(.jwtIssuer) }
        guard let audience else { throw missing(.jwtAudience) }
        var tokens = JSONWebTokenConfiguration(keys: keys, issuer: issuer, audience: audience)
        tokens.userClaim = userClaim
        tokens.nameClaim = nameClaim
        tokens.idPrefix = prefix
        tokens.leeway = leeway
        return tokens
    }

    private static func location(
        _ key: ConfigurationKey, _ reader: ConfigurationReader,
        _ read: (String) throws(JSONWebTokenError) -> KeyLocation
    ) throws(ConfigurationError) -> KeyLocation? {
        guard let text = try reader.optionalText(key) else { return nil }
        do throws(JSONWebTokenError) {
            return try read(text)
        } catch {
            throw reader.error(key, "cannot be used (\(error.message))")
        }
    }

    private static func optionalText(
        _ key: ConfigurationKey, _ reader: ConfigurationReader
    ) throws(ConfigurationError) -> String? {
        try reader.optional(key) { (1...512).contains($0.utf8.count) ? $0 : nil }
    }

    private static func text(
        _ key: ConfigurationKey, _ reader: ConfigurationReader
    ) throws(ConfigurationError) -> String {
        try reader.value(key) { (1...512).contains($0.utf8.count) ? $0 : nil }
    }

    /// No account's id has a colon in it.
    private static func isPrefix(_ text: String) -> Bool {
        let name = text.utf8.dropLast()
        return text.utf8.last == UInt8(ascii: ":") && (1...32).contains(name.count)
            && name.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }

    private static func missing(_ key: ConfigurationKey) -> ConfigurationError {
        ConfigurationError(
            key: key, "is not set, expected \(key.kind.expected): who takes tokens says whose, and that they are for it"
        )
    }
}
