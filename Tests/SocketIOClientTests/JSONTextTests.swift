import Testing

@testable import SocketIOClient

@Suite("JSON text of the client")
struct JSONTextTests {
    @Test("elements are cut where they end, whatever is in them")
    func elements() {
        #expect(JSONText("[]").elements() == [])
        #expect(
            JSONText(#" [ 1 , "a,\"]" ,[ [],{"x":[1,2]}], null,-1e5 ] "#).elements()
                == ["1", #""a,\"]""#, #"[ [],{"x":[1,2]}]"#, "null", "-1e5"])
        for text in ["", "[", "[1", "[1,", "[1,]", "{}", "1", "[\"", "[\"\\", "[1 2]", "[[]", "]"] {
            #expect(JSONText(text).elements() == nil, "\(text)")
        }
    }

    @Test("a member is found by its name, a string read, and quoted back")
    func members() {
        let json = JSONText(#"{"a":{"sid":1}, "s\u0069d" : "x\n\u00e4\ud83c\udfae\\" ,"n":25000}"#)
        #expect(json.member("sid").flatMap { JSONText($0).string() } == "x\nä🎮\\")
        #expect(json.member("n") == "25000")
        #expect(json.member("none") == nil)
        for text in ["", "\"", "\"\\\"", #""\u12""#, #""\ud800""#] {
            #expect(JSONText(text).string() == nil, "\(text)")
        }
        let odd = "\u{0}\u{1F}\"\\/ä🎮\u{7F}"
        #expect(JSONText(JSONText.quoted(odd)).string() == odd)
    }

    @Test("any prefix of a text is read or refused, never trapped on")
    func prefixes() {
        let text = #"[{"a":"b\u0061\"c"},[1,2,{"x":null}],"ä\ud83c\udfae",true]"#
        let bytes = Array(text.utf8)
        for end in 0..<bytes.count {
            for start in 0...end {
                let part = JSONText(Array(bytes[start..<end]))
                _ = (part.elements(), part.member("a"), part.string())
            }
        }
        #expect(JSONText(text).elements()?.count == 4)
    }
}
