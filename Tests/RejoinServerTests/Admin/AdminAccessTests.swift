@testable import RejoinServer
import Sessions
import Testing

@Suite("who may use the admin API")
struct AdminAccessTests {
    private let guarded = AdminAccess(token: AdminToken("correct-horse-battery"))
    private let open = AdminAccess(token: nil)

    private func question(
        peer: String? = "127.0.0.1", _ headers: [(String, String)] = [("host", "localhost:9090")],
        parameters: [String] = []
    ) -> AdminAccess.Question {
        AdminAccess.Question(
            peer: peer.flatMap { IPAddress($0) }, headers: { name in headers.filter { $0.0 == name }.map(\.1) },
            parameters: parameters)
    }

    @Test("without a token: this machine, by a name of this machine")
    func loopback() {
        for (peer, host) in [
            ("127.0.0.1", "localhost"), ("::1", "[::1]:9090"), ("::ffff:127.0.0.1", "127.0.0.1:9090"),
            ("127.8.8.8", "Admin.LOCALHOST"),
        ] {
            let verdict = open.verdict(question(peer: peer, [("host", host)]))
            let caller = AdminAccess.Caller(name: "loopback", peer: IPAddress(peer)?.description ?? "")
            #expect(verdict == .allowed(caller))
        }
        for (peer, host) in [
            ("192.0.2.1", "localhost"), ("127.0.0.1", "game.test"), ("127.0.0.1", ""), ("fe80::1", "localhost"),
            ("127.0.0.1", "localhost."), ("127.0.0.1", "localhost@game.test"),
        ] {
            #expect(open.verdict(question(peer: peer, [("host", host)])) == .refused(.notLocal), "\(peer) \(host)")
        }
        #expect(open.verdict(question(peer: nil)) == .refused(.notLocal))
        #expect(open.verdict(question([])) == .refused(.notLocal))
        #expect(open.verdict(question([("host", "localhost"), ("host", "localhost")])) == .refused(.notLocal))
    }

    @Test("what a proxy passes on is not this machine's")
    func proxied() {
        for name in ["x-forwarded-for", "x-forwarded-host", "forwarded"] {
            #expect(open.verdict(question([("host", "localhost"), (name, "x")])) == .refused(.notLocal))
        }
    }

    @Test("with a token: whoever has it, from anywhere")
    func token() {
        let caller = AdminAccess.Caller(name: AdminToken("correct-horse-battery").fingerprint, peer: "192.0.2.1")
        for value in ["Bearer correct-horse-battery", "bearer  correct-horse-battery"] {
            let asked = question(peer: "192.0.2.1", [("host", "game.test"), ("authorization", value)])
            #expect(guarded.verdict(asked) == .allowed(caller))
        }
        for values in [
            [], ["Bearer wrong"], ["correct-horse-battery"], ["Basic correct-horse-battery"], [""], ["Bearer"],
            ["Bearer correct-horse-battery", "Bearer correct-horse-battery"], ["Bearer correct-horse-battery x"],
        ] {
            let headers = [("host", "localhost")] + values.map { ("authorization", $0) }
            #expect(guarded.verdict(question(headers)) == .refused(.token), "\(values)")
        }
    }

    @Test("no browser's page, whatever it has")
    func browser() {
        for header in [
            ("origin", "http://localhost:9090"), ("origin", "null"), ("sec-fetch-site", "cross-site"),
            ("sec-fetch-site", "same-site"), ("sec-fetch-site", ""), ("sec-fetch-site", "SAME-ORIGIN"),
        ] {
            let headers = [("host", "localhost"), ("authorization", "Bearer correct-horse-battery"), header]
            #expect(guarded.verdict(question(headers)) == .refused(.browser), "\(header)")
            #expect(open.verdict(question(headers)) == .refused(.browser), "\(header)")
        }
        let typed = question([("host", "localhost"), ("sec-fetch-site", "none")])
        #expect(open.verdict(typed) != .refused(.browser))
    }

    @Test("a token in the query is refused before anything else")
    func query() {
        for name in ["token", "access_token", "Token", "ACCESS_TOKEN"] {
            for access in [guarded, open] {
                #expect(access.verdict(question(parameters: ["limit", name])) == .refused(.tokenInQuery))
            }
        }
    }
}
