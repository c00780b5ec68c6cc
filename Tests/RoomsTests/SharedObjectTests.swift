@testable import Rooms
import SocketIO
import Testing

@Suite("The shared object's rules")
struct SharedObjectTests {
    private func decide(_ action: String, _ fields: [String: String] = [:], by userID: String = "u") throws -> [Change]
    {
        let name = try #require(RoomName("r"))
        var content: [FieldName: RoomField] = [:]
        for (name, value) in fields { content[FieldName(name)] = RoomField(version: 3, value: try parsed(value)) }
        var view = RoomView(name: name, version: 9, content: content)
        let game = SharedObject()
        return try game.decide(
            try game.action(from: try parsed(action)), by: Player(userID: userID, name: "U"), in: &view)
    }

    private func refusal(_ action: String, _ fields: [String: String] = [:], by userID: String = "u") -> Refusal.Code? {
        do {
            _ = try decide(action, fields, by: userID)
            return nil
        } catch {
            return (error as? Refusal)?.code
        }
    }

    @Test(
        "what is not an action is a bad request",
        arguments: [
            "1", "[]", "{}", "{\"set\":{}}", "{\"del\":[]}", "{\"if\":{\"a\":1}}", "{\"set\":{\"a\":1},\"x\":1}",
            "{\"set\":[]}",
            "{\"del\":{}}", "{\"del\":[1]}", "{\"set\":{\"a\":1,\"a\":2}}", "{\"del\":[\"a\",\"a\"]}",
            "{\"set\":{\"a\":1},\"del\":[\"a\"]}",
            "{\"set\":{\"a\":1},\"set\":{\"b\":1}}", "{\"set\":{\"a\":1},\"if\":[]}",
            "{\"set\":{\"a\":1},\"if\":{\"b\":1,\"b\":1}}",
            "{\"set\":{\"\":1}}", "{\"set\":{\"\\u0000v\":1}}", "{\"del\":[\"\\u0000v\"]}", "{\"set\":null}",
            "{\"set\":{\"a\":1,\"\\u0061\":2}}",
        ])
    func badRequests(action: String) {
        #expect(refusal(action) == .badRequest)
    }

    @Test("values are stored minified, in the order of the action")
    func changes() throws {
        #expect(
            try decide("{ \"set\" : { \"a\" : [ 1 , 2 ] }, \"del\":[\"b\"] }")
                == [.set("a", try parsed("[1,2]")), .delete("b")])
        // Two names that only look alike are two.
        #expect(try decide("{\"set\":{\"\u{E9}\":1,\"e\u{301}\":2}}").count == 2)
    }

    @Test("if compares by value, and null means absent")
    func conditions() {
        let fields = ["a": "{\"x\":1,\"y\":[1.0]}", "n": "null"]
        #expect(refusal("{\"set\":{\"z\":1},\"if\":{\"a\":{ \"y\":[1], \"x\":1e0}}}", fields) == nil)
        #expect(refusal("{\"set\":{\"z\":1},\"if\":{\"a\":{\"x\":1}}}", fields) == .conflict)
        #expect(refusal("{\"set\":{\"z\":1},\"if\":{\"b\":null}}", fields) == nil)
        #expect(refusal("{\"set\":{\"z\":1},\"if\":{\"b\":0}}", fields) == .conflict)
        #expect(refusal("{\"set\":{\"z\":1},\"if\":{\"a\":null}}", fields) == .conflict)
        #expect(refusal("{\"set\":{\"z\":1},\"if\":{}}", fields) == nil)
    }

    @Test("fields under a user's name are that user's")
    func ownership() {
        #expect(refusal("{\"set\":{\"@u/x\":1}}") == nil)
        #expect(refusal("{\"set\":{\"@v/x\":1}}") == .forbidden)
        #expect(refusal("{\"del\":[\"@v/x\"]}") == .forbidden)
        #expect(refusal("{\"set\":{\"@u\":1,\"u/x\":1}}") == nil)
        #expect(refusal("{\"set\":{\"@uu/x\":1}}") == .forbidden)
        #expect(refusal("{\"set\":{\"@e\u{301}/x\":1}}", by: "\u{E9}") == .forbidden)
    }

    @Test("a view notes what was read, and all of the room when it is counted")
    func reads() throws {
        let name = try #require(RoomName("r"))
        var view = RoomView(name: name, version: 9, content: [FieldName("a"): RoomField(version: 3, value: .true)])
        #expect(view["a"] == .true)
        #expect(view["b"] == nil)
        #expect(view.reads.fields == [FieldName("a"): 3, FieldName("b"): 0])
        #expect(view.count == 1)
        #expect(view.reads.isWhole)
        #expect(view.reads.wholeVersion == 9)
    }

    @Test("names of rooms and acts are what the contract allows")
    func names() throws {
        #expect(RoomName("aZ9._:-") != nil)
        for name in ["", "a b", "{a}", "a*", "é", "a\r\n", String(repeating: "a", count: 65)] {
            #expect(RoomName(name) == nil)
        }
        #expect(ActID(" ~") != nil)
        for id in ["", "\n", "é", "\u{7F}", String(repeating: "a", count: 65)] { #expect(ActID(id) == nil) }
        let arena: RoomName? = RoomName("arena:1")
        var games = GameCatalog()
        games.register(SharedObject(), for: "arena")
        #expect(games.game(for: try #require(arena)) is SharedObject)
    }
}
