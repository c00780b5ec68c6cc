import Testing

@testable import JSONWebTokens

@Suite("Claims")
struct ClaimsTests {
    private typealias Verifier = JSONWebTokenVerifierTests

    /// Whom claims that are signed as they should be name, or what is wrong with them.
    private func judge(
        _ claims: String, _ change: (inout JSONWebTokenConfiguration) -> Void = { _ in }
    ) async throws -> String {
        let signer = try await Signer.eddsa()
        var configuration = Verifier.configuration()
        change(&configuration)
        return await Verifier.judge(
            try signer.sign(claims), try await Verifier.verifier(signer, configured: configuration))
    }

    @Test(
        "a token of another issuer is refused",
        arguments: [#""https://id.example/""#, "null", #"["https://id.example"]"#])
    func issuer(_ issuer: String) async throws {
        #expect(try await judge(Verifier.claims("\"iss\":\(issuer)")).contains("issuer (iss)"))
        #expect(try await judge(Verifier.claims(without: "iss")).contains("issuer (iss)"))
    }

    @Test("the audience is a string, or one of several")
    func audience() async throws {
        #expect(try await judge(Verifier.claims(#""aud":["other","game"]"#)) == "jwt:ada")
        for aud in [#""other""#, #"["other"]"#, "[]", #"["game",1]"#, "1", "null", #""gam""#] {
            #expect(try await judge(Verifier.claims("\"aud\":\(aud)")).contains("audience (aud)"))
        }
        #expect(try await judge(Verifier.claims(without: "aud")).contains("audience (aud)"))
    }

    @Test("an expiry is needed, and is let pass by the leeway")
    func expiry() async throws {
        #expect(try await judge(Verifier.claims(without: "exp")) == "invalidToken: it has no expiry (exp)")
        let now = Verifier.now
        #expect(try await judge(Verifier.claims(exp: "\(now - 59)")) == "jwt:ada")
        #expect(try await judge(Verifier.claims(exp: "\(now - 59).5")) == "jwt:ada")
        #expect(try await judge(Verifier.claims(exp: "\(now - 60)")) == "invalidToken: it has expired (exp)")
        let strict = try await judge(Verifier.claims(exp: "\(now)")) { $0.leeway = .zero }
        #expect(strict == "invalidToken: it has expired (exp)")
        #expect(try await judge(Verifier.claims(exp: "1e300")) == "jwt:ada")
        for exp in [#""\#(now + 60)""#, "true", "null", "[]"] {
            #expect(try await judge(Verifier.claims(exp: exp)).contains("exp is no number"))
        }
        #expect(try await judge(Verifier.claims(exp: "1e400")).hasPrefix("invalidToken"))
    }

    @Test("a token that is not valid yet, or was made in the future, is refused", arguments: ["nbf", "iat"])
    func notYet(_ claim: String) async throws {
        let now = Verifier.now
        #expect(try await judge(Verifier.claims("\"\(claim)\":\(now + 60)")) == "jwt:ada")
        #expect(
            try await judge(Verifier.claims("\"\(claim)\":\(now + 61)"))
                == "invalidToken: it is not valid yet (\(claim))")
        #expect(try await judge(Verifier.claims("\"\(claim)\":\"\(now)\"")).contains("\(claim) is no number"))
    }

    @Test("the claim that names the user is a string of 1 to 128 bytes without control characters")
    func subject() async throws {
        for sub in [
            #""""#, "1", "null", #"["ada"]"#, #""a\nb""#, #""a\u0000""#, "\"\(String(repeating: "a", count: 129))\"",
        ] {
            #expect(try await judge(Verifier.claims("\"sub\":\(sub)")).contains("its claim sub names no user"))
        }
        #expect(try await judge(Verifier.claims(without: "sub")).contains("its claim sub names no user"))
        let longest = String(repeating: "a", count: 128)
        #expect(try await judge(Verifier.claims("\"sub\":\"\(longest)\"")) == "jwt:\(longest)")
    }

    @Test("a user's id fits into keys, headers and fields, and no two users have the same")
    func ids() async throws {
        let ids = [
            (#""auth0|5f7c8""#, "jwt:auth0|5f7c8"), (#""ada@example.org""#, "jwt:ada@example.org"),
            (#""a/b""#, "jwt:a%2Fb"), (#""a%2Fb""#, "jwt:a%252Fb"), (#""{x}""#, "jwt:%7Bx%7D"),
            (#""a ""#, "jwt:a%20"), (#""é""#, "jwt:%C3%A9"), (#""e\u0301""#, "jwt:e%CC%81"),
        ]
        for (sub, id) in ids {
            #expect(try await judge(Verifier.claims("\"sub\":\(sub)")) == id)
        }
    }

    @Test("claims for the user and the name, and the prefix, are what the operator says")
    func configuredClaims() async throws {
        let signer = try await Signer.eddsa()
        var configuration = Verifier.configuration()
        configuration.userClaim = "https://game.example/id"
        configuration.nameClaim = "nickname"
        configuration.idPrefix = "id:"
        let verifier = try await Verifier.verifier(signer, configured: configuration)
        let token = try signer.sign(Verifier.claims(#""https://game.example/id":"7","nickname":"Count""#))
        let user = try await verifier.verify(verifier.read(token, now: Verifier.now * 1_000))
        #expect(user.id == "id:7" && user.name == "Count" && user.subject == "7")
        let nameless = try verifier.read(
            try signer.sign(Verifier.claims(#""https://game.example/id":"7""#)), now: Verifier.now * 1_000)
        #expect(nameless.user.name == nil)
    }

    @Test(
        "a claim that comes twice is neither the first nor the last",
        arguments: [
            #""sub":"ada","sub":"eve""#, #""sub":"ada","\u0073ub":"eve""#, #""exp":1,"exp":9999999999"#,
            #""sub":"ada","x":{},"x":[]"#,
        ])
    func twice(_ claims: String) async throws {
        #expect(try await judge(Verifier.claims(claims)) == "invalidToken: a name comes twice in its claims")
    }

    @Test("what looks like a member inside of a claim is none")
    func nested() async throws {
        let claims = #""sub":"ada","x":{"sub":"eve","y":[{"sub":1}]},"z":"\\\"sub\":,{\"","sub ":":""#
        #expect(try await judge(Verifier.claims(claims)) == "jwt:ada")
    }

    @Test("a token of more than 4,096 bytes is refused before it is read")
    func size() async throws {
        let padding = String(repeating: "x", count: 4_096)
        #expect(
            try await judge(Verifier.claims("\"pad\":\"\(padding)\"")) == "invalidToken: it has more than 4096 bytes")
    }
}
