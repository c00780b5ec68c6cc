import Crypto
@testable import Sessions
import Testing

@Suite("credentials")
struct CredentialTests {
    let keys: CredentialKeys
    let credential: Credential

    init() throws {
        self.keys = try CredentialKeys([CredentialKey.random()])
        self.credential = self.keys.issue(.player, handle: .random(), secret: .random(), issued: 1_800_000_000)
    }

    @Test("a credential reads back as it was written, and is genuine")
    func roundTrip() throws {
        let text = self.credential.text
        #expect(text.utf8.count == Credential.length && Credential.length == 127)
        let read = try #require(Credential(text))
        #expect(read.handle == self.credential.handle)
        #expect(read.secret.digest == self.credential.secret.digest)
        #expect(read.text == text)
        #expect(self.keys.verify(read) == .valid(kind: .player, issued: 1_800_000_000, signedByCurrentKey: true))
    }

    @Test("no truncation and no extension of a credential is read")
    func truncation() {
        let text = self.credential.text
        for count in 0..<text.count { #expect(Credential(text.prefix(count)) == nil) }
        for end in ["A", ".", "=", "\0", " "] { #expect(Credential(text + end) == nil) }
    }

    @Test(
        "other spellings are malformed",
        arguments: [
            "", ".", "..", "...", String(repeating: "A", count: 127), String(repeating: ".", count: 127),
            String(repeating: "a", count: 8192), String(repeating: "ä", count: 64),
        ])
    func malformed(_ text: String) {
        #expect(Credential(text) == nil)
    }

    @Test("unused bits, padding and the other base64 alphabet are malformed")
    func canonical() throws {
        let text = self.credential.text
        let parts = text.split(separator: ".")
        // The last character of a handle carries two bits, that of a secret four.
        let handleEnd = try #require(parts[0].last), secretEnd = try #require(parts[1].last)
        #expect("AQgw".contains(handleEnd))
        #expect("AEIMQUYcgkosw048".contains(secretEnd))
        #expect(Credential("\(parts[0].dropLast())B.\(parts[1]).\(parts[2])") == nil)
        #expect(Credential("\(parts[0]).\(parts[1].dropLast())B.\(parts[2])") == nil)
        #expect(Credential("\(parts[0]).\(parts[1]).\(parts[2].dropLast())+") == nil)
        #expect(Credential("\(parts[0]).\(parts[1]).\(parts[2].dropLast())/") == nil)
        #expect(Credential("\(parts[0]).\(parts[1]).\(parts[2].dropLast())=") == nil)
        #expect(Credential("\(parts[0]).\(parts[1]).\(parts[2].dropLast())\0") == nil)
    }

    @Test("a change of any character is malformed or forged, whatever part it is in")
    func forgery() {
        var characters = Array(self.credential.text)
        for index in characters.indices {
            let original = characters[index]
            characters[index] = original == "g" ? "w" : "g"
            if let changed = Credential(String(characters)) {
                #expect([.forged, .unknownKey].contains(self.keys.verify(changed)))
            }
            characters[index] = original
        }
    }

    @Test("a guest's credential is no player's: the signature covers the kind")
    func kind() {
        let forged = Credential(
            handle: self.credential.handle, secret: self.credential.secret, kind: .guest,
            issued: self.credential.issued,
            keyID: self.credential.keyID, code: self.credential.code)
        #expect(self.keys.verify(forged) == .forged)
    }

    @Test("100,000 credentials are all distinct")
    func distinct() {
        var handles: Set<SessionHandle> = []
        var secrets: Set<SecretDigest> = []
        for _ in 0..<100_000 {
            handles.insert(.random())
            secrets.insert(Secret.random().digest)
        }
        #expect(handles.count == 100_000)
        #expect(secrets.count == 100_000)
    }

    @Test("nothing that is printed shows a secret")
    func redaction() throws {
        let ticket = Ticket(handle: .random(), secret: .random())
        let secretOfTicket = try #require(ticket.text.split(separator: ".").last)
        let secret = try #require(self.credential.text.split(separator: ".").dropFirst().first)
        var dumped = ""
        dump(self.credential, to: &dumped)
        dump(ticket, to: &dumped)
        dump(self.credential.secret, to: &dumped)
        dumped += "\(self.credential) \(self.credential.secret) \(ticket)"
        dumped += String(reflecting: self.credential) + String(reflecting: self.credential.secret)
        dumped += String(reflecting: ticket) + String(reflecting: [self.credential.secret])
        #expect(!dumped.contains(secret))
        #expect(!dumped.contains(secretOfTicket))
        #expect(dumped.contains("<secret>"))
    }

    @Test("a handle and a ticket read back; other spellings do not")
    func handleAndTicket() throws {
        let ticket = Ticket(handle: .random(), secret: .random())
        #expect(SessionHandle(ticket.handle.description) == ticket.handle)
        #expect(ticket.handle.description.count == 22)
        let read = try #require(Ticket(ticket.text))
        #expect(read.handle == ticket.handle)
        #expect(read.secret.digest == ticket.secret.digest)
        for count in 0..<ticket.text.count { #expect(Ticket(ticket.text.prefix(count)) == nil) }
        for count in 0..<22 { #expect(SessionHandle(ticket.handle.description.prefix(count)) == nil) }
        #expect(Ticket(ticket.text + "A") == nil)
        #expect(Ticket(ticket.text.replacing(".", with: "-")) == nil)
    }

    @Test("10,000 mutated credentials neither trap nor pass")
    func mutation() {
        var generator = SystemRandomNumberGenerator()
        let original = Array(self.credential.text.utf8)
        for _ in 0..<10_000 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                bytes[Int.random(in: bytes.indices, using: &generator)] = .random(in: 0...255, using: &generator)
            }
            guard bytes != original, let read = bytes.withUnsafeBytes({ Credential($0) }) else { continue }
            #expect(self.keys.verify(read) != .valid(kind: read.kind, issued: read.issued, signedByCurrentKey: true))
        }
    }
}

@Suite("configured keys")
struct CredentialKeysTests {
    static let old = "T0xEb2xkT0xEb2xkT0xEb2xkT0xEb2xkT0xEb2xkT0w="
    static let new = "bmV3TkVXbmV3TkVXbmV3TkVXbmV3TkVXbmV3TkVXbmV3"

    @Test("the first key signs, all verify, and a removed one is unknown")
    func rotation() throws {
        let before = try CredentialKeys(configuration: Self.old)
        let both = try CredentialKeys(configuration: "\(Self.new), \(Self.old)")
        let after = try CredentialKeys(configuration: Self.new)
        let credential = before.issue(.guest, handle: .random(), secret: .random(), issued: 7)
        #expect(both.verify(credential) == .valid(kind: .guest, issued: 7, signedByCurrentKey: false))
        #expect(after.verify(credential) == .unknownKey)
        let again = both.issue(.guest, handle: credential.handle, secret: credential.secret, issued: 8)
        #expect(after.verify(again) == .valid(kind: .guest, issued: 8, signedByCurrentKey: true))
    }

    @Test("a ring of configured keys calls an unknown key forged without asking anybody")
    func ring() async throws {
        let ring = KeyRing(
            configured: try CredentialKeys(configuration: Self.new), clock: RedisClock(), logger: SessionCluster.logger)
        let credential = try CredentialKeys(configuration: Self.old)
            .issue(.guest, handle: .random(), secret: .random(), issued: 7)
        #expect(ring.isReady)
        #expect(ring.verify(credential) == .forged)
        guard case .worthless = try await ring.read(credential.text) else {
            Issue.record("a removed key is still believed")
            return
        }
        let own = try ring.issueGuest()
        guard case .genuine(let read, signedByCurrentKey: true) = try await ring.read(own.text) else {
            Issue.record("an own credential is not believed")
            return
        }
        #expect(read.handle == own.handle)
    }

    @Test("base64 and base64url, padded or not, are the same key")
    func spellings() throws {
        let bytes = [UInt8](repeating: 0xfb, count: 33)
        let padded = "+/v7" + String(repeating: "+/v7", count: 10)
        #expect(throws: Never.self) { _ = try CredentialKeys(configuration: padded) }
        let key = try CredentialKeys([CredentialKey(SymmetricKey(data: bytes))])
        let urlText = bytes.withUnsafeBytes { Base64URL.encode($0) }
        let plainText = urlText.replacing("-", with: "+").replacing("_", with: "/")
        for text in [urlText, plainText, plainText + "="] {
            #expect(try CredentialKeys(configuration: text).current.id == key.current.id)
        }
    }

    @Test(
        "what is no list of keys is refused with a message that says which and why, and shows no key",
        arguments: [
            ("", "key 1 is not base64"), ("\(Self.new),", "key 2 is not base64"), ("ü", "key 1 is not base64"),
            ("c2VjcmV0c2VjcmV0", "key 1 has 12 bytes"), ("\(Self.new),c2VjcmV0c2VjcmV0", "key 2 has 12 bytes"),
        ])
    func errors(_ text: String, _ expected: String) {
        let error = #expect(throws: SessionError.self) { try CredentialKeys(configuration: text) }
        #expect(error?.code == .invalidConfiguration)
        #expect(error?.message.contains("REJOIN_COOKIE_KEYS: \(expected)") == true)
        #expect(error?.message.contains("c2VjcmV0") == false)
    }
}
