import NIOCore
import SocketIO
import Testing

/// Texts are looked through eight bytes at a time: what matters may be at any place of such a group.
@Suite("JSON, eight bytes at a time")
struct EightBytesTests {
    private static let remarkable = [
        "\"", "\\", "\\\"", "\u{0}", "\u{1F}", " ", "!", "#", "[", "]", "\u{7F}", "é", "😀",
    ]

    @Test("a string is written, found and read as it was, whatever is at which place", arguments: remarkable)
    func places(piece: String) throws {
        for length in 0...20 {
            for place in 0...length {
                let text =
                    String(repeating: "x", count: place) + piece + String(repeating: "y", count: length - place)
                var writer = JSONObjectWriter()
                writer.member(text, string: text)
                writer.member("after", int: 7)
                let object = try JSONBytes(validating: writer.finish().buffer)
                #expect(object[text]?.string == text)
                #expect(object["after"]?.int == 7)
                #expect(object.members()?.map(\.key) == [text, "after"])
                // Only what has to be is escaped.
                let needsEscape = piece.utf8.contains {
                    $0 < 0x20 || $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "\\")
                }
                let written = JSONBytes(string: text).buffer.readableBytes
                #expect(needsEscape ? written > text.utf8.count + 2 : written == text.utf8.count + 2)
            }
        }
    }

    @Test("keys are compared as the text they spell")
    func keys() throws {
        let object = try JSONBytes(validating: ByteBuffer(string: "{\"a\\\\\":1,\"\\u0062\":2,\"\":3,\"cc\":4}"))
        #expect(object["a\\"]?.int == 1)
        #expect(object["a\\\\"] == nil)
        #expect(object["b"]?.int == 2)
        #expect(object["\\u0062"] == nil)
        #expect(object[""]?.int == 3)
        #expect(object["c"] == nil && object["cd"] == nil && object["ccc"] == nil)
    }

    @Test("integers are written in full", arguments: [Int.min, -100, -10, -9, -1, 0, 1, 9, 10, 99, 1_234_567, Int.max])
    func integers(integer: Int) {
        var buffer = ByteBuffer(string: "before")
        buffer.writeJSONInteger(integer)
        #expect(String(buffer: buffer) == "before\(integer)")
    }
}
