import NIOCore
import SocketIO
import TestSupport
import Testing

@Suite("JSON that stays bytes")
struct JSONBytesTests {
    private func json(_ text: String) throws -> JSONBytes {
        try JSONBytes(validating: ByteBuffer(string: text))
    }

    private func isValid(_ bytes: [UInt8]) -> Bool {
        (try? JSONBytes(validating: ByteBuffer(bytes: bytes))) != nil
    }

    @Test(
        "valid texts are accepted as they are",
        arguments: [
            "null", "true", "false", "0", "-0", "1", "-1.5", "1e3", "1E+3", "1.25e-7", "\"\"", "\"a\"", "[]", "{}",
            "[[],{}]",
            "{\"a\":1,\"b\":[1,2,{\"c\":null}]}", "\"\\u00e9\\n\\/\\\"\\\\\"", "\"\\uD83D\\uDE00\"", "\"é😀\u{7F}\"",
            "[1 , 2\n,\t3\r]", "{ \"a\" : 1 }", "1.7976931348623157e308", "0e999999999999999999999",
            "1e-99999999999999999999",
            "\"a long text that takes more than one word of eight bytes\"", "{\"a\":1,\"a\":2}",
        ])
    func valid(text: String) throws {
        #expect(String(buffer: try json(text).buffer) == text)
        #expect(String(buffer: try json(" \n\t\r\(text)  ").buffer) == text)
    }

    @Test(
        "invalid texts are refused",
        arguments: [
            "", " ", "nul", "truex", "True", "+1", "01", "-", "1.", ".5", "1e", "1e+", "0x1", "NaN", "Infinity", "\"",
            "\"a",
            "\"\\\"", "\"\\x\"", "\"\\u12\"", "\"\\u12G4\"", "\"\\ud800\"", "\"\\ud800\\n\"", "\"\\udc00\"",
            "\"\\ud800\\ud800\"", "\"\n\"", "\"12345678\u{1}\"", "\"\u{0}\"", "[", "]", "[1", "[1,", "[1,]", "[,]",
            "[1 2]",
            "{", "}", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{a:1}", "{1:1}", "{\"a\" 1}", "[}",
            "{]",
            "[1}", "{\"a\":1]", "1 1", "{}{}", "1e400", "-1e400", "1.7976931348623159e308", "/**/1", "\u{FEFF}1", "'a'",
        ])
    func invalid(text: String) {
        #expect(throws: JSONError.self) { try self.json(text) }
    }

    @Test("a number of more digits than a double can hold is refused, however it is spelled")
    func longNumbers() throws {
        let zeros = String(repeating: "0", count: 400)
        #expect(throws: JSONError.self) { try self.json("1\(zeros)") }
        #expect(throws: JSONError.self) { try self.json("1\(zeros).5") }
        #expect(throws: JSONError.self) { try self.json("1\(zeros)e-91") }
        _ = try json("1\(zeros)e-93")
        _ = try json("0.\(zeros)1")
        _ = try json("0.\(zeros)1e600")
        #expect(throws: JSONError.self) { try self.json("0.\(zeros)1e710") }
    }

    @Test("nesting is limited", arguments: [0, 1, 2, 31, 32, 64])
    func depth(limit: Int) throws {
        func nested(_ depth: Int) -> ByteBuffer {
            ByteBuffer(
                string: String(repeating: "[{\"a\":", count: depth / 2) + (depth % 2 == 1 ? "[]" : "1")
                    + String(repeating: "}]", count: depth / 2))
        }
        _ = try JSONBytes(validating: nested(limit), maximumDepth: limit)
        #expect(throws: JSONError.self) { try JSONBytes(validating: nested(limit + 1), maximumDepth: limit) }
        #expect(throws: JSONError.self) { try JSONBytes(validating: nested(10_000), maximumDepth: limit) }
    }

    @Test(
        "text must be UTF-8",
        arguments: [
            [0x80], [0xC0, 0x80], [0xC1, 0xBF], [0xC3], [0xE0, 0x80, 0x80], [0xE2, 0x82], [0xED, 0xA0, 0x80],
            [0xF0, 0x80, 0x80, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xFF], [0xE2, 0x28, 0xA1],
            [0xF0, 0x9F, 0x98],
        ] as [[UInt8]])
    func encoding(bytes: [UInt8]) {
        #expect(!isValid([0x22] + bytes + [0x22]))
        #expect(!isValid(Array("\"12345678".utf8) + bytes + [0x22]))
        #expect(!isValid(bytes))
    }

    @Test("cut anywhere, a text is refused")
    func truncation() throws {
        let text = Array("{\"a\":[1.5e3,\"\\uD83D\\uDE00é😀\",true,null],\"b\":{\"c\":\"12345678\"}}".utf8)
        #expect(isValid(text))
        for length in 0..<text.count {
            #expect(!isValid(Array(text[..<length])), "cut after \(length)")
        }
    }

    @Test("mutated texts are valid or refused, and what is valid can be read")
    func mutation() {
        let text = Array(
            "{\"a\":[1.5e3,-20,\"\\uD83D\\uDE00é\\n\",true,null],\"b\":{\"c\":\"12345678\",\"a\":[[]]}}".utf8)
        var random = SeededGenerator(seed: 7)
        var valid = 0
        for _ in 0..<100_000 {
            var mutated = text
            for _ in 0...Int.random(in: 0...2, using: &random) {
                let index = Int.random(in: 0..<mutated.count, using: &random)
                switch Int.random(in: 0..<3, using: &random) {
                case 0: mutated[index] = UInt8.random(in: 0...255, using: &random)
                case 1: mutated.remove(at: index)
                default: mutated.insert(text.randomElement(using: &random) ?? 0, at: index)
                }
            }
            guard let json = try? JSONBytes(validating: ByteBuffer(bytes: mutated)) else { continue }
            valid += 1
            read(json)
            #expect(json.isEquivalent(to: json.minified()))
        }
        #expect(valid > 1_000)
    }

    private func read(_ json: JSONBytes) {
        switch json.kind {
        case .null: #expect(json.isNull)
        case .boolean: #expect(json.bool != nil)
        case .number:
            _ = json.int
            #expect(json.double?.isFinite == true)
        case .string: #expect(json.string != nil)
        case .array: json.elements()?.forEach(read)
        case .object: json.members()?.forEach { read($0.value) }
        }
    }

    @Test("scalars are read exactly")
    func scalars() throws {
        #expect(
            try json("\"a\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\uD83D\\uDE00é\\u0000\"").string
                == "a\"\\/\u{8}\u{C}\n\r\té😀é\u{0}")
        #expect(try json("true").bool == true)
        #expect(try json("false").bool == false)
        #expect(try json("\"true\"").bool == nil)
        #expect(try json("1").string == nil)
        #expect(try json("1.5").double == 1.5)
        #expect(try json("null").isNull)
        #expect(try json("\"a\"").members() == nil)
        #expect(try json("{}").elements() == nil)
    }

    @Test(
        "integers are exact, whatever their spelling",
        arguments: [
            ("0", 0), ("-0", 0), ("7", 7), ("-12", -12), ("1.0", 1), ("1e3", 1000), ("1.50e1", 15), ("100e-2", 1),
            ("0e5", 0),
            ("9223372036854775807", Int.max), ("-9223372036854775808", Int.min), ("9223372036854775808", nil),
            ("-9223372036854775809", nil), ("1e300", nil), ("1.5", nil), ("1e-1", nil),
            ("1e18", 1_000_000_000_000_000_000),
            ("1e19", nil), ("0.1e1", 1), ("1e-99999999999999999999", nil), ("9007199254740993", 9_007_199_254_740_993),
        ] as [(String, Int?)])
    func integers(text: String, expected: Int?) throws {
        #expect(try json(text).int == expected)
    }

    @Test("members come in order with duplicates, and the last of a key counts")
    func members() throws {
        let object = try json("{ \"a\" : 1 , \"b\":[ {\"a\":9} ],\"\\u0061\":\"x,}\", \"é\":{} }")
        let members = try #require(object.members())
        #expect(members.map(\.key) == ["a", "b", "a", "é"])
        #expect(members.map { String(buffer: $0.value.buffer) } == ["1", "[ {\"a\":9} ]", "\"x,}\"", "{}"])
        #expect(object["a"]?.string == "x,}")
        #expect(object["b"]?.elements()?.first?["a"]?.int == 9)
        #expect(object["e\u{301}"] == nil)
        #expect(object["c"] == nil)
        #expect(try json("[]").elements()?.isEmpty == true)
        #expect(try json("{ }").members()?.isEmpty == true)
        #expect(try json("[ ]").elements()?.isEmpty == true)
        #expect(try json("[1, \"]\" ,[2]]").elements()?.map { String(buffer: $0.buffer) } == ["1", "\"]\"", "[2]"])
    }

    @Test(
        "equivalence is by value",
        arguments: [
            ("1", "1.0", true), ("100", "1e2", true), ("0.1", "1e-1", true), ("-0", "0.0", true), ("1", "-1", false),
            ("9007199254740992", "9007199254740993", false), ("\"a\"", "\"\\u0061\"", true),
            ("\"é\"", "\"e\u{301}\"", false),
            ("{\"a\":1,\"b\":2}", "{ \"b\":2.0, \"a\" :1}", true), ("{\"a\":1}", "{\"a\":1,\"b\":null}", false),
            ("{\"a\":1,\"a\":2}", "{\"a\":2}", true), ("[1,2]", "[2,1]", false), ("[1,[2]]", "[ 1 , [ 2 ] ]", true),
            ("null", "false", false), ("true", "true", true), ("\"1\"", "1", false), ("{}", "[]", false),
            ("[]", "[1]", false),
            ("{\"é\":1}", "{\"e\u{301}\":1}", false), ("{\"é\":1,\"e\u{301}\":2}", "{\"e\u{301}\":2,\"é\":1}", true),
        ])
    func equivalence(left: String, right: String, expected: Bool) throws {
        #expect(try json(left).isEquivalent(to: json(right)) == expected)
        #expect(try json(right).isEquivalent(to: json(left)) == expected)
    }

    @Test("minified text has no insignificant white space and keeps what is within strings")
    func minified() throws {
        #expect(
            String(buffer: try json("{ \"a b\" : [ 1 , \" \\\" x \" ] ,\n\"c\":{ } }").minified().buffer)
                == "{\"a b\":[1,\" \\\" x \"],\"c\":{}}")
        let small = try json("[1]")
        #expect(small.minified() == small)
    }

    @Test("what is written can be read")
    func writing() throws {
        let text = "a\"\\/\u{0}\u{1F}\n\r\t\u{7F}é😀\u{2028}"
        #expect(try json(String(buffer: JSONBytes(string: text).buffer)).string == text)
        var writer = JSONObjectWriter()
        writer.member("string", string: text)
        writer.member("int", int: -120)
        writer.member("bool", bool: true)
        writer.member("json", json: JSONBytes(elements: [.null, .true, JSONBytes(integer: 3)]))
        writer.member("raw", raw: ByteBuffer(string: "{}"))
        writer.memberNull("nothing")
        writer.members(raw: ByteBuffer(string: "\"x\":1,\"y\":2"))
        let object = writer.finish()
        let again = try JSONBytes(validating: object.buffer)
        #expect(again == object)
        #expect(again.members()?.map(\.key) == ["string", "int", "bool", "json", "raw", "nothing", "x", "y"])
        #expect(again["string"]?.string == text)
        #expect(again["int"]?.int == -120)
        #expect(String(buffer: try #require(again["json"]).buffer) == "[null,true,3]")
        var empty = JSONObjectWriter(appendingTo: ByteBuffer(string: "x"))
        #expect(String(buffer: empty.finish().buffer) == "x{}")
    }
}
