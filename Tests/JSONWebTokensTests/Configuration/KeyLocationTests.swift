import Testing

@testable import JSONWebTokens

@Suite("Where keys are")
struct KeyLocationTests {
    @Test("a path, or an address that nobody can change keys on the way from")
    func fit() throws {
        #expect(try KeyLocation("/etc/keys.json") == .file("/etc/keys.json"))
        #expect(try KeyLocation("keys.json") == .file("keys.json"))
        for url in [
            "https://id.example/keys", "HTTPS://id.example:8443/keys?v=1", "http://localhost:8080/keys",
            "http://127.0.0.1/keys", "http://127.9.9.9:1/keys", "http://[::1]:8080/keys",
        ] {
            #expect(try KeyLocation(url) == .url(url))
        }
    }

    @Test(
        "anything else is refused",
        arguments: [
            "", "http://id.example/keys", "http://127.0.0.1.example/keys", "http://127.0.0.1@id.example/keys",
            "http://128.0.0.1/", "http://0x7f.1/", "https://user:password@id.example/keys", "https://id.example/#keys",
            "https://", "https:///keys", "ftp://id.example/keys", "file:///etc/keys.json", "http:id.example",
        ])
    func unfit(_ text: String) {
        #expect(throws: JSONWebTokenError.self) { try KeyLocation(text) }
    }

    @Test("a secret has 32 bytes or more")
    func secrets() throws {
        let secret = [UInt8](repeating: 1, count: 32)
        #expect(try KeyLocation(secret: secret) == .secret(secret))
        #expect(throws: JSONWebTokenError.self) { try KeyLocation(secret: [UInt8](secret.dropLast())) }
    }
}
