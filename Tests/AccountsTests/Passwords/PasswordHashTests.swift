import Testing

@testable import Accounts

@Suite("PasswordHash")
struct PasswordHashTests {
    @Test("a hash has the promised form and a salt of its own, and fits its password only")
    func form() throws {
        let password = Array("correct horse".utf8)
        let encoded = try PasswordHash.make(password)
        let parts = encoded.split(separator: "$")
        #expect(encoded.hasPrefix("$argon2id$v=19$m=19456,t=2,p=1$"))
        #expect(parts.count == 5 && parts[3].count == 22 && parts[4].count == 43)
        #expect(try PasswordHash.make(password) != encoded)
        #expect(try PasswordHash(encoded: encoded).verify(password))
        #expect(try !PasswordHash(encoded: encoded).verify(Array("correct hors".utf8)))
        #expect(try !PasswordHash(encoded: encoded).verify([]))
        #expect(try !PasswordHash(encoded: encoded).isWeak)
    }

    @Test("nothing of a password is cut off, not at 72 bytes and not at a zero")
    func noTruncation() throws {
        let long = [UInt8](repeating: UInt8(ascii: "p"), count: 72)
        let encoded = try PasswordHash.make(long + [UInt8(ascii: "a")])
        #expect(try !PasswordHash(encoded: encoded).verify(long + [UInt8(ascii: "b")]))
        #expect(try !PasswordHash(encoded: PasswordHash.make([1, 0, 2])).verify([1, 0, 3]))
    }

    @Test("a vector of the reference implementation is verified")
    func vector() throws {
        let encoded =
            "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
        #expect(try PasswordHash(encoded: encoded).verify(Array("password".utf8)))
        // Its salt has only 8 bytes.
        #expect(try PasswordHash(encoded: encoded).isWeak)
    }

    @Test("the hash of nobody costs what today's hash costs, and no password has it")
    func nobody() throws {
        let encoded = PasswordHash.ofNobody.encoded
        let real = try PasswordHash.make([1])
        #expect(encoded.split(separator: "$").dropLast(2) == real.split(separator: "$").dropLast(2))
        #expect(encoded.utf8.count == real.utf8.count)
        #expect(try !PasswordHash(encoded: encoded).isWeak)
        #expect(try !PasswordHash.ofNobody.verify(Array("correct horse".utf8)))
    }

    @Test(
        "cheaper parameters are weak",
        arguments: [
            PasswordHash.Cost(memory: 19_455, iterations: 2, parallelism: 1),
            PasswordHash.Cost(memory: 19_456, iterations: 1, parallelism: 1),
            PasswordHash.Cost(memory: 64, iterations: 1, parallelism: 2),
        ])
    func weak(cost: PasswordHash.Cost) throws {
        #expect(try PasswordHash(encoded: PasswordHash.make([1], cost: cost)).isWeak)
    }

    @Test("dearer parameters are kept")
    func strong() throws {
        let encoded = try PasswordHash.make([1], cost: .init(memory: 20_000, iterations: 3, parallelism: 2))
        #expect(try !PasswordHash(encoded: encoded).isWeak)
    }

    @Test(
        "another scheme is refused by its name, and nothing of the hash is told",
        arguments: [
            ("$2b$12$SECRETSECRETSECRETSECRET", "bcrypt"), ("$2y$10$SECRET", "bcrypt"),
            ("$scrypt$ln=16,r=8,p=1$SECRET$SECRET", "scrypt"),
            ("$argon2i$v=19$m=4096,t=3,p=1$SECRET$SECRET", "Argon2i"),
            ("SECRET", "unknown"), ("", "unknown"), ("$argon2id$SECRET", "damaged"),
            ("$argon2id$v=19$m=99999999999,t=2,p=1$SECRET$SECRET", "damaged"),
            ("$argon2id$v=19$m=-1,t=2,p=1$SECRET$SECRET", "damaged"),
            ("$argon2id$v=19$m=4294967295,t=2,p=1$SECRETSECRET$SECRETSECRET", "most"),
            ("$argon2id$v=19$m=19456,t=4000000,p=1$SECRETSECRET$SECRETSECRET", "most"),
        ])
    func otherSchemes(encoded: String, named: String) {
        let error = #expect(throws: AccountsError.self) { try PasswordHash(encoded: encoded) }
        #expect(error?.code == .unsupportedHash)
        #expect(error?.message.contains(named) == true)
        #expect(error?.description.contains("SECRETSECRET") == false && error?.message.hasSuffix("SECRET") == false)
    }

    @Test("a damaged hash of the right form is an error, not a trap and not a match")
    func damaged() throws {
        let encoded = try PasswordHash.make([1], cost: .init(memory: 64, iterations: 1, parallelism: 1))
        for count in 0..<encoded.count {
            let cut = String(encoded.prefix(count))
            do throws(AccountsError) {
                let hash = try PasswordHash(encoded: cut)
                let matches = try hash.verify([1])
                #expect(!matches)
            } catch {
                #expect(error.code == .unsupportedHash)
            }
        }
    }

    @Test("a thread that keeps its memory computes the same, whatever the costs before")
    func keptMemory() throws {
        let password = Array("correct horse".utf8)
        let costs = [64, 1_024, 64, 19_456, 128].map { PasswordHash.Cost(memory: $0, iterations: 1, parallelism: 1) }
        var results: [Result<[Bool], AccountsError>] = []
        HashMemory.keeping {
            for cost in costs {
                results.append(
                    Result { () throws(AccountsError) in
                        let hash = try PasswordHash(encoded: PasswordHash.make(password, cost: cost))
                        return [try hash.verify(password), try hash.verify([1])]
                    })
            }
            HashMemory.release()
        }
        for result in results { #expect(try result.get() == [true, false]) }
    }

    @Test("base64 without padding reads what it writes and nothing else")
    func base64() {
        for count in 0..<40 {
            let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 11) }
            #expect(PHCBase64.decode(PHCBase64.encode(bytes)[...]) == bytes)
        }
        for wrong in ["A", "AAAAA", "AB", "AA=", "AA==", "A A", "A-_A", "Ä"] {
            #expect(PHCBase64.decode(wrong[...]) == nil)
        }
    }
}
