import FoundationEssentials
import TestSupport
import Testing

@testable import JSONWebTokens

@Suite("A provider's key set")
struct KeySetDocumentTests {
    private func read(_ json: String) async throws -> (set: KeySet, skipped: [String]) {
        await (try KeySetDocument(Data(json.utf8))).read()
    }

    private static func number(bits: Int) -> String {
        var bytes = [UInt8](repeating: 0xA7, count: (bits + 7) / 8)
        if bits % 8 != 0 { bytes[0] = 1 << UInt8(bits % 8 - 1) }
        return Signer.base64URL(Data(bytes))
    }

    @Test("keys of every type are read, whether or not they say what they are for")
    func types() async throws {
        let plain = try await read(keySet(.rs256(), .es256(), .eddsa()))
        #expect(plain.set.keys.map(\.algorithm) == [.rs256, .es256, .eddsa])
        #expect(plain.set.keys.map(\.id) == ["r", "e", "o"] && plain.skipped.isEmpty)
        let told = try await read(
            keySet(
                .rs256(members: #","alg":"RS256","use":"sig","x5c":["MII"],"x5t":"a""#),
                .es256(members: #","alg":"ES256","key_ops":["verify"]"#),
                .eddsa(members: #","alg":"EdDSA","ext":true"#)))
        #expect(told.set.keys.count == 3 && told.skipped.isEmpty)
    }

    @Test("keys that are for something else, weak or broken are skipped, and the others are used")
    func skipped() async throws {
        let modulus = Self.number(bits: 2_048)
        let odd = [
            (#"{"kid":"1","kty":"oct","k":"c2VjcmV0"}"#, "its type is not"),
            (#"{"kid":"2","kty":"EC","crv":"P-384","x":"AA","y":"AA"}"#, "its type is not"),
            (#"{"kid":"3","kty":"OKP","crv":"X25519","x":"AA"}"#, "its type is not"),
            (#"{"kid":"4"}"#, "its type is not"),
            (#"{"kid":"5","kty":"RSA","use":"enc","n":"\#(modulus)","e":"AQAB"}"#, "its use is not sig"),
            (#"{"kid":"6","kty":"RSA","alg":"PS256","n":"\#(modulus)","e":"AQAB"}"#, "its alg is not RS256"),
            (#"{"kid":"7","kty":"RSA","key_ops":["encrypt"],"n":"\#(modulus)","e":"AQAB"}"#, "key_ops"),
            (#"{"kid":"8","kty":"RSA","n":"\#(Self.number(bits: 1_024))","e":"AQAB"}"#, "it has 1024 bits"),
            (#"{"kid":"9","kty":"RSA","n":"\#(Self.number(bits: 2_047))","e":"AQAB"}"#, "it has 2047 bits"),
            (#"{"kid":"a","kty":"RSA","n":"AA\#(Self.number(bits: 2_040))","e":"AQAB"}"#, "bits"),
            (#"{"kid":"b","kty":"RSA","n":"\#(Self.number(bits: 16_384))","e":"AQAB"}"#, "it has 16384 bits"),
            (#"{"kid":"c","kty":"RSA","n":"!","e":"AQAB"}"#, "its n is not base64url"),
            (#"{"kid":"d","kty":"RSA","n":"\#(modulus)"}"#, "its e is not base64url"),
            (#"{"kid":"e","kty":"EC","crv":"P-256","x":"AA","y":"AA"}"#, "no valid key"),
            (#"{"kid":"f","kty":"OKP","crv":"Ed25519","x":"AA"}"#, "no valid key"),
            (#"{"kid":5,"kty":"OKP","crv":"Ed25519","x":"AA"}"#, "its kid is no string"),
        ]
        let good = try await Signer.es256(id: "good")
        let set = try await read(#"{"keys":[\#(odd.map(\.0).joined(separator: ",")),\#(good.published)]}"#)
        #expect(set.set.keys.map(\.id) == ["good"])
        #expect(set.skipped.count == odd.count)
        for (reason, (_, expected)) in zip(set.skipped, odd) {
            #expect(reason.contains(expected), "\(reason)")
        }
    }

    @Test("of two keys with one name and algorithm the first is used; of other algorithms each is")
    func names() async throws {
        let first = try await Signer.es256(id: "k")
        let set = try await read(keySet(first, .es256(id: "k"), .eddsa(id: "k")))
        #expect(set.set.keys.map(\.algorithm) == [.es256, .eddsa] && set.skipped.count == 1)
    }

    @Test(
        "what is no key set is refused as a whole",
        arguments: ["", "{}", "[]", #"{"keys":{}}"#, #"{"keys":[1]}"#, "<html>", #"{"keys":["#])
    func malformed(_ json: String) {
        #expect(throws: JSONWebTokenError.self) { try KeySetDocument(Data(json.utf8)) }
    }

    @Test("more than 256 keys are refused")
    func count() throws {
        let many = Array(repeating: "{}", count: 257).joined(separator: ",")
        #expect(throws: JSONWebTokenError.self) { try KeySetDocument(Data(#"{"keys":[\#(many)]}"#.utf8)) }
        #expect(throws: Never.self) { try KeySetDocument(Data(#"{"keys":[\#(many.dropLast(3))]}"#.utf8)) }
    }

    @Test("fuzzed key sets do not stop the program")
    func mutated() async throws {
        let set = [UInt8](try await keySet(.rs256(), .es256(), .eddsa()).utf8)
        var fuzz = Fuzz(seed: 5)
        for _ in 0..<Fuzz.rounds / 10 {
            guard let document = try? KeySetDocument(Data(fuzz.mutant(of: [set]))) else { continue }
            _ = await document.read()
        }
    }
}
