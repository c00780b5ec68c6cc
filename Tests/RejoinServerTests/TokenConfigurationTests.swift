import Testing

import JSONWebTokens
@testable import RejoinServer

@Suite("Configuration of login by token")
struct TokenConfigurationTests {
    private static let secret = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

    private func read(_ settings: [String: String]) throws -> JSONWebTokenConfiguration? {
        let named = settings.map { ("REJOIN_JWT_\($0)", $1) }
        return try RejoinConfiguration(environment: Dictionary(uniqueKeysWithValues: named)).tokens
    }

    private func complaint(_ settings: [String: String]) -> String {
        do {
            _ = try read(settings)
            return ""
        } catch {
            return "\(error)"
        }
    }

    @Test("off by default")
    func off() throws {
        #expect(try read([:]) == nil)
        #expect(try read(["LEEWAY": "5s", "NAME_CLAIM": "nickname"]) == nil)
    }

    @Test("keys or a secret, an issuer and an audience are enough")
    func least() throws {
        let tokens = try #require(try read(["KEYS": "keys.json", "ISSUER": "i", "AUDIENCE": "a"]))
        #expect(tokens.keys == .file("keys.json") && tokens.issuer == "i" && tokens.audience == "a")
        #expect(tokens.userClaim == "sub" && tokens.nameClaim == "name" && tokens.idPrefix == "jwt:")
        #expect(tokens.leeway == .seconds(60))
        let shared = try #require(try read(["SECRET": Self.secret, "ISSUER": "i", "AUDIENCE": "a"]))
        #expect(shared.keys == .secret([UInt8](repeating: 0, count: 32)))
    }

    @Test("everything can be said")
    func all() throws {
        let tokens = try #require(
            try read([
                "KEYS": "https://id.example/keys", "ISSUER": "i", "AUDIENCE": "a", "USER_CLAIM": "oid",
                "NAME_CLAIM": "nickname", "ID_PREFIX": "web:", "LEEWAY": "0s",
            ]))
        #expect(tokens.keys == .url("https://id.example/keys"))
        #expect(tokens.userClaim == "oid" && tokens.nameClaim == "nickname" && tokens.idPrefix == "web:")
        #expect(tokens.leeway == .zero)
    }

    @Test("tokens are never taken from anybody or for anybody")
    func bothAreNeeded() {
        for keys in [["KEYS": "keys.json"], ["SECRET": Self.secret]] {
            let (issuer, audience) = (["ISSUER": "i"], ["AUDIENCE": "a"])
            #expect(complaint(keys).hasPrefix("jwt.issuer: is not set"))
            #expect(complaint(keys.merging(audience) { $1 }).hasPrefix("jwt.issuer: is not set"))
            #expect(complaint(keys.merging(issuer) { $1 }).hasPrefix("jwt.audience: is not set"))
        }
        #expect(complaint(["AUDIENCE": "a"]).contains("needs jwt.keys or jwt.secret"))
    }

    @Test("what cannot be used is refused, and a secret is not shown")
    func refused() {
        let ours = ["ISSUER": "i", "AUDIENCE": "a"]
        func complaint(_ settings: [String: String]) -> String { self.complaint(ours.merging(settings) { $1 }) }
        #expect(complaint(["KEYS": "http://id.example/keys"]).contains("http:// is for loopback"))
        #expect(complaint(["KEYS": "keys.json", "SECRET": Self.secret]).contains("only one of them"))
        for secret in ["c2hvcnQ=", "not base64!", String(Self.secret.dropLast(4))] {
            let line = complaint(["SECRET": secret])
            #expect(line.contains("at least 32 bytes") && !line.contains(secret))
        }
        for prefix in ["jwt", ":", "a/b:", "a b:", "é:", String(repeating: "a", count: 33) + ":"] {
            #expect(complaint(["KEYS": "keys.json", "ID_PREFIX": prefix]).hasPrefix("jwt.id-prefix"))
        }
        for leeway in ["301s", "-1s", "60"] {
            #expect(complaint(["KEYS": "keys.json", "LEEWAY": leeway]).hasPrefix("jwt.leeway"))
        }
        #expect(
            complaint(["KEYS": "keys.json", "USER_CLAIM": String(repeating: "a", count: 513)])
                .hasPrefix("jwt.user-claim"))
    }
}
