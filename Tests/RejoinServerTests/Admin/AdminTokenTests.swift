@testable import RejoinServer
import Testing

@Suite("the admin API's token")
struct AdminTokenTests {
    private let token = AdminToken("correct-horse-battery")

    @Test("the token itself matches")
    func same() {
        #expect(token.matches("correct-horse-battery"))
        #expect(token.matches("x correct-horse-battery".dropFirst(2)))
    }

    @Test(
        "nothing else does",
        arguments: [
            "", "c", "correct-horse-batter", "correct-horse-batteryy", "Correct-horse-battery", "correct-horse-batterY",
            "correct-horse-battery\0", " correct-horse-battery", "\(String(repeating: "x", count: 100_000))",
        ])
    func other(presented: String) {
        #expect(!token.matches(presented))
    }

    @Test("arrays are equal when every byte is, wherever they differ")
    func bytes() {
        let digest = Array(UInt8(0)..<32)
        #expect(AdminToken.areEqual(digest, digest))
        #expect(AdminToken.areEqual([], []))
        for index in digest.indices {
            for bit in 0..<8 {
                var other = digest
                other[index] ^= 1 << bit
                #expect(!AdminToken.areEqual(digest, other))
            }
        }
        #expect(!AdminToken.areEqual(digest, Array(digest.dropLast())))
        #expect(!AdminToken.areEqual([], digest))
    }

    @Test("a fingerprint is the beginning of the token's SHA-256")
    func fingerprint() {
        #expect(AdminToken("abc").fingerprint == "ba7816bf")
    }
}
