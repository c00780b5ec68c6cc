@testable import Sessions
import Testing

@Suite("cookies")
struct CookiePolicyTests {
    private func policy(_ scheme: RequestSource.Scheme, _ host: String, insecure: Bool = false) -> CookiePolicy {
        CookiePolicy(RequestSource(scheme: scheme, host: host, address: nil), allowsInsecureLogin: insecure)
    }

    @Test("https has the cookie that only it can set, loopback a plain one, everything else none and no login")
    func names() {
        for host in ["game.test", "localhost", "127.0.0.1:8443", ""] { #expect(self.policy(.https, host) == .secure) }
        for host in [
            "localhost", "LOCALHOST:8080", "a.b.localhost", "127.0.0.1", "127.1.2.3:80", "[::1]", "[::1]:8080",
        ] {
            #expect(self.policy(.http, host) == .plain, "\(host)")
        }
        for host in [
            "game.test", "localhost.test", "xlocalhost", "127.0.0.1.test", "10.0.0.1", "[::2]", "::1", "", "0.0.0.0",
            "128.0.0.1", "127.1", "localhost:x", "local host", "[::1", "localhost@evil.test", "evil.test/localhost",
        ] {
            #expect(self.policy(.http, host) == .none, "\(host)")
        }
        #expect(self.policy(.http, "game.test", insecure: true) == .plain)
        #expect(CookiePolicy.secure.name == "__Host-rejoin" && CookiePolicy.plain.name == "rejoin")
        #expect(CookiePolicy.none.name == nil && !CookiePolicy.none.allowsLogin)
    }

    @Test("the cookie that is set has exactly the attributes of its scheme, and what is left of the absolute life")
    func header() throws {
        let credential = try CredentialKeys([CredentialKey.random()])
            .issue(.guest, handle: .random(), secret: .random(), issued: 1)
        let secure = CookiePolicy.secure.header(credential, remaining: .milliseconds(90_500))
        #expect(
            secure == "__Host-rejoin=\(credential.text); Path=/; Max-Age=91; Secure; HttpOnly; SameSite=Lax")
        let plain = CookiePolicy.plain.header(credential, remaining: .seconds(-5))
        #expect(plain == "rejoin=\(credential.text); Path=/; Max-Age=0; HttpOnly; SameSite=Lax")
        #expect(CookiePolicy.none.header(credential, remaining: .seconds(1)) == nil)
    }

    @Test(
        "only the cookie of the own name is found, wherever it stands",
        arguments: [
            (["rejoin=v"], "v"), (["a=1; rejoin=v; b=2"], "v"), (["a=1", "rejoin=v"], "v"), (["rejoin=v;"], "v"),
            ([" ;; rejoin=v ; "], "v"), (["rejoin="], ""), (["rejoin=a=b"], "a=b"), (["a=1;rejoin=v"], "v"),
            (["__Host-rejoin=x; rejoin=v"], "v"), ([], nil), ([""], nil), (["rejoin"], nil), (["REJOIN=v"], nil),
            (["xrejoin=v"], nil), (["rejoinx=v"], nil), (["a=rejoin=v"], nil), (["=v"], nil), (["a=\"; rejoin=v"], "v"),
            (["rejoin=v;\u{301}a=1"], "v"), (["\u{301}rejoin=v"], nil), (["\trejoin\t=\tv\t"], "v"),
        ] as [([String], String?)])
    func parsing(_ headers: [String], _ expected: String?) throws {
        #expect(try CookiePolicy.plain.value(in: headers).map(String.init) == expected)
    }

    @Test("the own name twice is refused, another's twice is not")
    func duplicate() throws {
        for headers in [["rejoin=a; rejoin=a"], ["rejoin=a", "rejoin=b"], ["rejoin=;rejoin="]] {
            #expect(throws: CookieError.duplicate) { try CookiePolicy.plain.value(in: headers) }
        }
        #expect(try CookiePolicy.plain.value(in: ["__Host-rejoin=a; __Host-rejoin=b; rejoin=c"]) == "c")
        #expect(try CookiePolicy.secure.value(in: ["rejoin=a; rejoin=b"]) == nil)
    }

    @Test("more than 4 KiB of cookies are refused")
    func size() throws {
        let fits = "rejoin=v; a=" + String(repeating: "x", count: 4096 - 12)
        #expect(try CookiePolicy.plain.value(in: [fits]) == "v")
        #expect(throws: CookieError.tooLarge) { try CookiePolicy.plain.value(in: [fits, "x"]) }
        #expect(throws: CookieError.tooLarge) { try CookiePolicy.none.value(in: [fits + "x"]) }
    }
}
