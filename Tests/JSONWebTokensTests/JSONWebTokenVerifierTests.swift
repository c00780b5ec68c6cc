import FoundationEssentials
import TestSupport
import Testing

@testable import JSONWebTokens

@Suite("Tokens are verified")
struct JSONWebTokenVerifierTests {
    /// Seconds since 1970 at which all of these tests are.
    static let now = 1_800_000_000
    static let fit = claims()

    static func configuration(_ keys: KeyLocation = .file("none")) -> JSONWebTokenConfiguration {
        JSONWebTokenConfiguration(keys: keys, issuer: "https://id.example", audience: "game")
    }

    static func verifier(_ signers: Signer..., configured: JSONWebTokenConfiguration = configuration()) async throws
        -> JSONWebTokenVerifier
    {
        let set = #"{"keys":["# + signers.map(\.published).joined(separator: ",") + "]}"
        return JSONWebTokenVerifier(configured, keys: try await TestKeys(set))
    }

    static func claims(_ changed: String = "", exp: String = "\(now + 60)", without: String = "") -> String {
        let all = [
            ("iss", #""https://id.example""#), ("aud", #""game""#), ("exp", exp), ("sub", #""ada""#),
            ("name", #""Ada L.""#),
        ]
        let kept = all.filter { $0.0 != without && !changed.hasPrefix("\"\($0.0)\"") }
        let members = kept.map { "\"\($0.0)\":\($0.1)" } + (changed.isEmpty ? [] : [changed])
        return "{" + members.joined(separator: ",") + "}"
    }

    /// Whom the token names, or what is wrong with it.
    static func judge(_ token: String, _ verifier: JSONWebTokenVerifier) async -> String {
        do throws(JSONWebTokenError) {
            return try await verifier.verify(verifier.read(token, now: now * 1_000)).id
        } catch {
            return "\(error.code.rawValue): \(error.message)"
        }
    }

    @Test("a token of each algorithm logs in")
    func everyAlgorithm() async throws {
        let signers = [try await Signer.rs256(), try await Signer.es256(), try await Signer.eddsa()]
        let verifier = try await Self.verifier(signers[0], signers[1], signers[2])
        for signer in signers {
            #expect(await Self.judge(try signer.sign(Self.fit), verifier) == "jwt:ada", "\(signer.algorithm)")
        }
        let secret = [UInt8](repeating: 7, count: 32)
        let shared = JSONWebTokenVerifier(Self.configuration(), keys: try await SharedSecret(secret))
        #expect(await Self.judge(try await Signer.hs256(secret).sign(Self.fit), shared) == "jwt:ada")
    }

    @Test("a token of a key that the provider does not have is refused, for each algorithm")
    func foreignKeys() async throws {
        let verifier = try await Self.verifier(.rs256(), .es256(), .eddsa())
        for signer in [try await Signer.rs256(), try await Signer.es256(), try await Signer.eddsa()] {
            let verdict = await Self.judge(try signer.sign(Self.fit), verifier)
            #expect(verdict == "invalidToken: its signature is wrong", "\(signer.algorithm)")
        }
        let shared = JSONWebTokenVerifier(
            Self.configuration(), keys: try await SharedSecret([UInt8](repeating: 7, count: 32)))
        let foreign = try await Signer.hs256([UInt8](repeating: 8, count: 32)).sign(Self.fit)
        #expect(await Self.judge(foreign, shared) == "invalidToken: its signature is wrong")
    }

    @Test("a public key is no secret: a token that is signed with one by HS256 is refused")
    func algorithmConfusion() async throws {
        let provider = try await Signer.rs256()
        let verifier = try await Self.verifier(provider)
        let attacker = try await Signer.hs256([UInt8](provider.published.utf8))
        for header in [#"{"alg":"HS256","kid":"r"}"#, #"{"alg":"HS256"}"#, #"{"alg":"RS256","kid":"r"}"#] {
            #expect(await Self.judge(try attacker.sign(Self.fit, header: header), verifier).hasPrefix("invalidToken"))
        }
        let shared = JSONWebTokenVerifier(
            Self.configuration(), keys: try await SharedSecret([UInt8](repeating: 7, count: 32)))
        #expect(
            await Self.judge(try provider.sign(Self.fit), shared)
                == "invalidToken: its alg is not HS256, which is expected here")
    }

    @Test("a key that verifies by another algorithm than the token's is of no use, however it was found")
    func keyDecidesTheAlgorithm() async throws {
        struct Careless: VerificationKeys {
            let anyKey: VerificationKey
            func key(for header: TokenHeader) async throws(JSONWebTokenError) -> VerificationKey { anyKey }
        }
        let secret = [UInt8](repeating: 7, count: 32)
        let careless = Careless(anyKey: try await VerificationKey(secret: secret))
        let verifier = JSONWebTokenVerifier(Self.configuration(), keys: careless)
        let token = try await Signer.hs256(secret).sign(Self.fit, header: #"{"alg":"RS256"}"#)
        #expect(await Self.judge(token, verifier) == "invalidToken: its signature is wrong")
    }

    @Test(
        "headers that are never taken",
        arguments: [
            #"{"alg":"none"}"#, #"{"alg":"None"}"#, #"{"alg":"ES384","kid":"e"}"#, #"{"alg":"es256","kid":"e"}"#,
            #"{"kid":"e"}"#, #"{"alg":1,"kid":"e"}"#, #"{"alg":"ES256","kid":1}"#, #"{"alg":"ES256","kid":"other"}"#,
            #"{"alg":"ES256","kid":"e","crit":["exp"],"exp":1}"#, #"{"alg":"ES256","kid":"e","crit":null}"#,
            #"{"alg":"ES256","kid":"e","alg":"ES256"}"#, #"{"kid":"other","alg":"ES256","kid":"e"}"#,
            #"{"kid":"e","alg":"ES256","kid":"other"}"#,
            #"{"alg":"ES256","kid":"e","typ":"logout+jwt"}"#, #"{"alg":"RS256","kid":"e"}"#, "[]", "", "{",
        ])
    func refusedHeaders(_ header: String) async throws {
        let signer = try await Signer.es256()
        let verdict = await Self.judge(try signer.sign(Self.fit, header: header), try await Self.verifier(signer))
        #expect(verdict.hasPrefix("invalidToken"), "\(verdict)")
    }

    @Test("headers of tokens that log in", arguments: ["JWT", "jwt", "at+jwt", "application/at+jwt"])
    func types(_ type: String) async throws {
        let signer = try await Signer.es256()
        let token = try signer.sign(Self.fit, header: #"{"alg":"ES256","kid":"e","typ":"\#(type)"}"#)
        #expect(await Self.judge(token, try await Self.verifier(signer)) == "jwt:ada")
    }

    @Test("a key that the token itself brings along is not looked at")
    func embeddedKey() async throws {
        let attacker = try await Signer.es256()
        let header = #"{"alg":"ES256","kid":"e","jwk":\#(attacker.published),"jku":"http://127.0.0.1/"}"#
        let verdict = await Self.judge(
            try attacker.sign(Self.fit, header: header), try await Self.verifier(.es256()))
        #expect(verdict == "invalidToken: its signature is wrong")
    }

    @Test("an unsigned token is refused, and so is one whose signature or claims were changed")
    func tampered() async throws {
        let signer = try await Signer.es256()
        let verifier = try await Self.verifier(signer)
        let parts = try signer.sign(Self.fit).split(separator: ".").map(String.init)
        let richer = Signer.base64URL(Data(Self.claims(#""sub":"eve""#).utf8))
        for token in [
            "\(parts[0]).\(parts[1]).", "\(parts[0]).\(richer).\(parts[2])",
            "\(parts[0]).\(parts[1]).\(parts[2].dropLast(4))", "\(parts[0]).\(parts[1]).\(parts[2])AAAA",
        ] {
            #expect(await Self.judge(token, verifier) == "invalidToken: its signature is wrong")
        }
        let header = Signer.base64URL(Data(#"{"alg":"none"}"#.utf8))
        #expect(await Self.judge("\(header).\(parts[1]).", verifier).hasPrefix("invalidToken: its alg"))
    }

    @Test("a token without the name of its key is taken only when one key can be meant")
    func withoutKeyID() async throws {
        let signer = try await Signer.es256(id: nil)
        #expect(await Self.judge(try signer.sign(Self.fit), try await Self.verifier(signer, .rs256())) == "jwt:ada")
        let two = try await Self.verifier(signer, .es256())
        #expect(await Self.judge(try signer.sign(Self.fit), two) == "invalidToken: its key is not known")
    }

    @Test("fuzzed tokens neither stop the program nor log anybody in")
    func mutated() async throws {
        let signer = try await Signer.es256()
        let verifier = try await Self.verifier(signer)
        let token = [UInt8](try signer.sign(Self.fit).utf8)
        var fuzz = Fuzz(seed: 17)
        for _ in 0..<Fuzz.rounds {
            let mutant = fuzz.mutant(of: [token, [UInt8](Self.fit.utf8), [UInt8](#"{"alg":"ES256"}"#.utf8)])
            _ = try? verifier.read(String(decoding: mutant, as: UTF8.self), now: Self.now * 1_000)
        }
        for index in token.indices {
            let cut = String(decoding: token[..<index], as: UTF8.self)
            #expect(await Self.judge(cut, verifier).hasPrefix("invalidToken"))
        }
        for _ in 0..<Fuzz.rounds {
            let claims = fuzz.mutant(of: [[UInt8](Self.fit.utf8)])
            let header = fuzz.mutant(of: [[UInt8](#"{"alg":"ES256","kid":"e","typ":"JWT"}"#.utf8)])
            let parts = [header, claims, [1, 2, 3]].map { Signer.base64URL(Data($0)) }
            _ = try? verifier.read(parts.joined(separator: "."), now: Self.now * 1_000)
        }
    }
}
