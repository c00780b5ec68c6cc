import Crypto
import Logging
import Testing

@testable import Sessions

@Suite("what nodes sign for each other")
struct KeyRingSignatureTests {
    private func ring(_ keys: CredentialKey...) throws -> KeyRing {
        KeyRing(configured: try CredentialKeys(keys), clock: RedisClock(), logger: Logger(label: "test"))
    }

    private let old = CredentialKey.random()
    private let new = CredentialKey.random()
    private let other = CredentialKey.random()

    @Test("a node believes what another signed by the same keys, for the same purpose and message only")
    func roundTrip() throws {
        let ring = try ring(old)
        let signature = try #require(ring.sign("message", for: "relay"))
        #expect(signature.utf8.allSatisfy { $0 > 32 && $0 < 127 })
        #expect(ring.verify(signature, of: "message", for: "relay"))
        #expect(!ring.verify(signature, of: "massage", for: "relay"))
        #expect(!ring.verify(signature, of: "message", for: "delay"))
        #expect(!(try self.ring(other)).verify(signature, of: "message", for: "relay"))
    }

    @Test("while a key is rolled out, nodes with it and without it believe each other")
    func rotation() throws {
        let (before, during, after) = (try ring(old), try ring(new, old), try ring(new))
        for (signer, verifier) in [(before, during), (during, before), (during, after), (after, during)] {
            let signature = try #require(signer.sign("message", for: "relay"))
            #expect(verifier.verify(signature, of: "message", for: "relay"))
        }
        #expect(!after.verify(try #require(before.sign("message", for: "relay")), of: "message", for: "relay"))
    }

    @Test("what is no signature is not believed, and never traps")
    func garbage() throws {
        let ring = try ring(old)
        let signature = try #require(ring.sign("message", for: "relay"))
        for text in [
            "", ".", "....", "é", signature + "A", String(signature.dropLast()), String(repeating: "A", count: 43),
        ] {
            #expect(!ring.verify(text, of: "message", for: "relay"))
        }
        #expect(ring.verify("AAAA." + signature, of: "message", for: "relay"))
    }

    @Test("a signature is no credential's: the key is derived")
    func derived() throws {
        let ring = try ring(old)
        let code = HMAC<SHA256>.authenticationCode(for: Array("message".utf8), using: old.key)
        #expect(!ring.verify(code.withUnsafeBytes { Base64URL.encode($0) }, of: "message", for: "relay"))
    }
}
