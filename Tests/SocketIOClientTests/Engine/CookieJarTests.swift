import Testing

@testable import SocketIOClient

@Suite("Cookie jar")
struct CookieJarTests {
    private func jar(_ cookie: String...) -> CookieJar {
        CookieJar(.init(url: "http://a", headers: cookie.map { ("cookie", $0) }))
    }

    @Test("what the server sets is sent again, by name and value alone")
    func store() {
        let jar = self.jar()
        #expect(jar.header == nil)
        jar.store([("Set-Cookie", "a=1; Path=/; HttpOnly"), ("X", "y"), ("set-cookie", " b = 2==;Max-Age=60")])
        #expect(jar.header == "a=1; b=2==")
        jar.store([("set-cookie", "a=3")])
        #expect(jar.header == "a=3; b=2==")
        #expect(jar.all == ["a": "3", "b": "2=="])
    }

    @Test("a Max-Age of zero or less removes, the last one counting")
    func maximumAge() {
        let jar = self.jar("a=1; b=2; c=3")
        jar.store([
            ("Set-Cookie", "a=x; max-age=0"), ("Set-Cookie", "b=; Max-Age=-1"), ("Set-Cookie", "d=4; Max-Age=0"),
            ("Set-Cookie", "c=5; Max-Age=0; Max-Age=9"),
        ])
        #expect(jar.header == "c=5")
    }

    @Test("it begins with the configuration's cookies, and can be changed from outside")
    func outside() {
        let jar = self.jar("a=1;b=2", "c=3")
        jar.set("b", nil)
        jar.set("d", "4")
        #expect(jar.header == "a=1; c=3; d=4")
    }

    @Test("what is no cookie, or would be another one, is not kept")
    func unfit() {
        let jar = self.jar("", ";;", "=x")
        jar.store([("Set-Cookie", "nothing"), ("Set-Cookie", "=1"), ("Set-Cookie", "a=\u{1}"), ("Set-Cookie", "")])
        jar.set("e", "x; f=y")
        jar.set("g", "x\r\nH: y")
        jar.set("h", String(repeating: "x", count: CookieJar.maximumCookieBytes))
        #expect(jar.header == nil)
    }

    @Test("beyond its limit the oldest goes")
    func limit() {
        let jar = self.jar()
        for number in 0...CookieJar.maximumCookies { jar.set("c\(number)", "x") }
        #expect(jar.all.count == CookieJar.maximumCookies)
        #expect(jar.all["c0"] == nil)
    }
}
