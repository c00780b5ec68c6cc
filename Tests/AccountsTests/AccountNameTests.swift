import Accounts
import Testing

@Suite("AccountName")
struct AccountNameTests {
    @Test(
        "names that look or mean the same have one key",
        arguments: [
            ["Ada", "ada", "ADA", "ａｄａ", "𝐀𝐝𝐚"],
            ["caf\u{E9}", "cafe\u{301}", "CAF\u{C9}", "CAFE\u{301}"],
            ["stra\u{DF}e", "STRASSE", "stra\u{1E9E}e"],
            ["\u{FB01}n", "FIN"],
            ["\u{3C3}\u{3C2}", "\u{3A3}\u{3A3}"],
            ["\u{130}x", "i\u{307}x"],
            ["\u{AC00}", "\u{1100}\u{1161}"],
            ["\u{212B}", "\u{E5}", "A\u{30A}"],
        ])
    func twins(names: [String]) throws {
        let keys = try names.map { Array(try AccountName($0).key.utf8) }
        #expect(Set(keys).count == 1, "\(keys)")
    }

    @Test("different names have different keys", arguments: [("ada", "adá"), ("o", "0"), ("a b", "ab")])
    func different(left: String, right: String) throws {
        #expect(try AccountName(left).key != AccountName(right).key)
    }

    @Test(
        "a name stays as it was written",
        arguments: ["Ada", "ß", "cafe\u{301}", "Jean d'Arc", "@you:*{}", "山田 太郎"])
    func written(name: String) throws {
        #expect(Array(try AccountName(name).written.utf8) == Array(name.utf8))
    }

    @Test(
        "what cannot be seen, or is only space, is refused",
        arguments: [
            "", " ", "  ", " ada", "ada ", "a  b", "\tada", "ada\n", "a\r\nb", "a\u{0}b", "a\u{1B}[31mb", "a\u{7F}",
            "a\u{85}b", "\u{A0}ada", "a\u{A0}b", "a\u{3000}b", "a\u{2028}b", "a\u{200B}b", "a\u{200C}b", "a\u{200D}b",
            "a\u{200E}b", "a\u{202E}b", "a\u{2066}b", "\u{FEFF}a", "a\u{AD}b", "a\u{E0041}", "a\u{FE0F}", "a\u{3164}",
            "a\u{34F}b", "a\u{E000}", "a\u{378}", "a\u{FFFF}", "a\u{115F}", "\u{2060}a",
        ])
    func hidden(name: String) {
        let error = #expect(throws: AccountsError.self) { try AccountName(name) }
        #expect(error?.code == .badName)
    }

    @Test("64 characters and 128 bytes are the most")
    func lengths() throws {
        #expect(try AccountName(String(repeating: "a", count: 64)).key.count == 64)
        #expect(throws: AccountsError.self) { try AccountName(String(repeating: "a", count: 65)) }
        #expect(try AccountName(String(repeating: "é", count: 64)).written.utf8.count == 128)
        #expect(try AccountName(String(repeating: "山", count: 42)).written.utf8.count == 126)
        #expect(throws: AccountsError.self) { try AccountName(String(repeating: "山", count: 43)) }
        #expect(throws: AccountsError.self) { try AccountName(String(repeating: "a", count: 10_000_000)) }
    }

    @Test("a key is its own key, for every character there is")
    func idempotent() throws {
        var unstable: [Unicode.Scalar] = []
        for value in UInt32(0x21)...0x10FFFF {
            guard let scalar = Unicode.Scalar(value), let name = try? AccountName(String(scalar)),
                let again = try? AccountName(name.key)
            else { continue }
            if !again.key.utf8.elementsEqual(name.key.utf8) { unstable.append(scalar) }
        }
        #expect(unstable.isEmpty)
    }

    @Test("the message says which character, and what a name may be")
    func message() {
        let error = #expect(throws: AccountsError.self) { try AccountName("a\u{202E}b") }
        #expect(error?.message.contains("U+202E") == true)
        #expect(error?.message.contains("1 to 64") == true)
        #expect(error?.message.unicodeScalars.contains("\u{202E}") == false)
    }
}
