@testable import Sessions
import Testing

@Suite("origins")
struct OriginPolicyTests {
    let game = RequestSource(scheme: .https, host: "game.test", address: nil)

    @Test(
        "only the very same origin is allowed by default",
        arguments: [
            ("https://game.test", true), ("https://game.test:443", true), ("https://GAME.test", true),
            ("null", false), ("", false), ("http://game.test", false), ("https://game.test:444", false),
            ("https://game.test.evil", false), ("https://evilgame.test", false), ("https://a.game.test", false),
            ("https://game.test/", false), ("https://game.test@evil.test", false), ("wss://game.test", false),
            ("https://", false), ("game.test", false), ("https://game.test:x", false), ("https://game.test\0", false),
        ])
    func sameOrigin(_ origin: String, _ isAllowed: Bool) {
        let verdict = OriginPolicy.sameOrigin.verdict(origins: [origin], source: self.game)
        #expect(verdict == (isAllowed ? .sameOrigin : .foreign))
    }

    @Test("no origin is allowed, two are not, and a request without a host has no same origin")
    func absent() {
        #expect(OriginPolicy.sameOrigin.verdict(origins: [], source: self.game) == .absent)
        #expect(
            OriginPolicy.sameOrigin.verdict(origins: ["https://game.test", "https://game.test"], source: self.game)
                == .foreign)
        let noHost = RequestSource(scheme: .https, host: "", address: nil)
        #expect(OriginPolicy.sameOrigin.verdict(origins: ["https://"], source: noHost) == .foreign)
        let port = RequestSource(scheme: .http, host: "[::1]:8080", address: nil)
        #expect(OriginPolicy.sameOrigin.verdict(origins: ["http://[::1]:8080"], source: port) == .sameOrigin)
        #expect(OriginPolicy.sameOrigin.verdict(origins: ["http://[::1]"], source: port) == .foreign)
    }

    @Test("listed origins are allowed exactly, besides the same one")
    func listed() throws {
        let policy = try OriginPolicy(configuration: "https://play.test, http://localhost:3000")
        #expect(policy.verdict(origins: ["https://play.test"], source: self.game) == .listed)
        #expect(policy.verdict(origins: ["http://localhost:3000"], source: self.game) == .listed)
        #expect(policy.verdict(origins: ["https://game.test"], source: self.game) == .sameOrigin)
        for origin in ["http://play.test", "https://play.test:8443", "https://x.play.test", "http://localhost", "null"]
        {
            #expect(policy.verdict(origins: [origin], source: self.game) == .foreign)
        }
        for text in ["play.test", "https://play.test/", "https://*.play.test", "*", "null"] {
            let error = #expect(throws: SessionError.self) { try OriginPolicy(configuration: text) }
            #expect(error?.code == .invalidConfiguration && error?.message.contains(text) == true)
        }
    }

    @Test("a change is refused to a foreign origin and to a browser that says cross-site")
    func changes() throws {
        let policy = try OriginPolicy(configuration: "https://play.test")
        let same = ["https://game.test"]
        #expect(policy.allowsChange(origins: same, fetchSites: ["same-origin"], source: self.game))
        #expect(policy.allowsChange(origins: same, fetchSites: [], source: self.game))
        #expect(policy.allowsChange(origins: [], fetchSites: [], source: self.game))
        #expect(policy.allowsChange(origins: ["https://play.test"], fetchSites: ["cross-site"], source: self.game))
        #expect(!policy.allowsChange(origins: [], fetchSites: ["cross-site"], source: self.game))
        #expect(!policy.allowsChange(origins: same, fetchSites: ["Cross-Site"], source: self.game))
        #expect(!policy.allowsChange(origins: ["https://evil.test"], fetchSites: ["same-origin"], source: self.game))
        #expect(!policy.allowsChange(origins: ["null"], fetchSites: [], source: self.game))
    }
}

@Suite("trusted proxies")
struct TrustedProxiesTests {
    private func source(
        _ trusted: String, peer: String, for forwarded: [String], proto: [String] = []
    ) throws -> (String?, RequestSource.Scheme) {
        let source = try TrustedProxies(configuration: trusted).source(
            peer: IPAddress(peer), isTLS: false, host: "game.test", forwardedFor: forwarded, forwardedProto: proto)
        return (source.address?.description, source.scheme)
    }

    @Test("nobody's headers count unless the peer is trusted")
    func untrusted() throws {
        #expect(try self.source("", peer: "10.0.0.1", for: ["192.0.2.1"], proto: ["https"]) == ("10.0.0.1", .http))
        #expect(
            try self.source("10.0.0.2", peer: "10.0.0.1", for: ["192.0.2.1"], proto: ["https"]) == ("10.0.0.1", .http))
    }

    @Test("read from the right, the first address that is not trusted is the client's")
    func chain() throws {
        let trusted = "10.0.0.0/8, fd00::/8"
        #expect(try self.source(trusted, peer: "10.0.0.1", for: ["192.0.2.1"]).0 == "192.0.2.1")
        #expect(try self.source(trusted, peer: "::ffff:10.0.0.1", for: ["192.0.2.1"]).0 == "192.0.2.1")
        #expect(try self.source(trusted, peer: "10.0.0.1", for: ["1.1.1.1, 192.0.2.1, 10.9.9.9"]).0 == "192.0.2.1")
        #expect(try self.source(trusted, peer: "10.0.0.1", for: ["1.1.1.1", "192.0.2.1"]).0 == "192.0.2.1")
        #expect(try self.source(trusted, peer: "fd00::1", for: ["[2001:db8::1]:4711"]).0 == "2001:db8::1")
        #expect(try self.source(trusted, peer: "10.0.0.1", for: ["192.0.2.1:4711"]).0 == "192.0.2.1")
        #expect(try self.source(trusted, peer: "10.0.0.1", for: ["10.1.1.1, 10.2.2.2"]).0 == "10.1.1.1")
        #expect(try self.source(trusted, peer: "10.0.0.1", for: ["192.0.2.1, evil, 10.2.2.2"]).0 == "10.2.2.2")
        #expect(try self.source(trusted, peer: "10.0.0.1", for: [""]).0 == "10.0.0.1")
        #expect(try self.source(trusted, peer: "10.0.0.1", for: []).0 == "10.0.0.1")
    }

    @Test("the scheme is what the outermost trusted proxy was reached by")
    func scheme() throws {
        #expect(try self.source("10.0.0.0/8", peer: "10.0.0.1", for: ["192.0.2.1"], proto: ["https"]).1 == .https)
        #expect(try self.source("10.0.0.0/8", peer: "10.0.0.1", for: ["192.0.2.1"], proto: ["HTTPS"]).1 == .https)
        #expect(try self.source("10.0.0.0/8", peer: "10.0.0.1", for: ["192.0.2.1"], proto: ["http"]).1 == .http)
        #expect(try self.source("10.0.0.0/8", peer: "10.0.0.1", for: ["192.0.2.1"], proto: ["gopher"]).1 == .http)
        #expect(
            try self.source("10.0.0.0/8", peer: "10.0.0.1", for: ["192.0.2.1"], proto: ["https, http"]).1 == .http)
        #expect(
            try self.source("10.0.0.0/8", peer: "10.0.0.1", for: ["192.0.2.1, 10.2.2.2"], proto: ["https, http"]).1
                == .https)
    }

    @Test("addresses and networks are read strictly")
    func networks() throws {
        #expect(IPNetwork("192.0.2.0/24")?.contains(try #require(IPAddress("192.0.2.255"))) == true)
        #expect(IPNetwork("192.0.2.0/25")?.contains(try #require(IPAddress("192.0.2.128"))) == false)
        #expect(IPNetwork("0.0.0.0/0")?.contains(try #require(IPAddress("8.8.8.8"))) == true)
        #expect(IPNetwork("::/0")?.contains(try #require(IPAddress("8.8.8.8"))) == false)
        #expect(IPNetwork("fd00::/8")?.contains(try #require(IPAddress("fdff::1%eth0"))) == true)
        for text in ["", "x", "1.2.3", "1.2.3.4/33", "1.2.3.4/", "1.2.3.4/-1", "1.2.3.4/+8", "::1/129", "1.2.3.4/8/8"] {
            #expect(IPNetwork(text) == nil, "\(text)")
        }
        for text in ["", "[::1", "1.2.3.4.5", "1.2.3.256", "::g", "1.2.3.4\0", String(repeating: "1", count: 100)] {
            #expect(IPAddress(text) == nil, "\(text)")
        }
        #expect(IPAddress("2001:DB8:0:0::1")?.description == "2001:db8::1")
        #expect(IPAddress("2001:db8:1:2:3::1")?.limitedNetwork == "2001:db8:1:2:0:0:0:0/64")
        #expect(throws: SessionError.self) { try TrustedProxies(configuration: "10.0.0.0/8, proxy.test") }
    }
}
