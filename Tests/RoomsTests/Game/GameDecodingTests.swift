import Rooms
import SocketIO
import Testing

@Suite("Actions and fields as Swift values")
struct GameDecodingTests {
    private struct Card: Game {
        enum Suit: String, Codable { case clubs, hearts }

        struct Action: Decodable {
            var suit: Suit
            var places: [Int]
            var face: Face?
            struct Face: Decodable { var up: Bool }
        }

        func decide(_ action: Action, by player: Player, in room: inout RoomView) throws(Refusal) -> [Change] { [] }
    }

    @Test(
        "what is wrong is named, with what is expected",
        arguments: [
            ("{}", "suit is missing"),
            ("{\"suit\":\"clubs\"}", "places is missing"),
            ("{\"suit\":1,\"places\":[]}", "suit: a string is expected"),
            ("{\"suit\":\"clubs\",\"places\":[1,\"2\"]}", "places[1]: an integer is expected"),
            ("{\"suit\":\"clubs\",\"places\":null}", "places: an array is expected, not null"),
            ("{\"suit\":\"clubs\",\"places\":[],\"face\":{\"up\":\"yes\"}}", "face.up: true or false is expected"),
        ])
    func messages(json: String, message: String) throws {
        let refusal = try #require(throws: Refusal.self) { _ = try Card().action(from: try parsed(json)) }
        #expect(refusal == .badRequest(message))
    }

    @Test("an unknown word is a bad request that says where")
    func unknownWord() throws {
        let refusal = try #require(throws: Refusal.self) {
            _ = try Card().action(from: try parsed("{\"suit\":\"\\n\",\"places\":[]}"))
        }
        #expect(refusal.code == .badRequest)
        #expect(refusal.message.hasPrefix("suit: "))
        #expect(!refusal.message.contains("\n"))
    }

    @Test("an action that fits is read; more keys do no harm")
    func fits() throws {
        let action = try Card().action(from: try parsed("{\"suit\":\"hearts\",\"places\":[1,2],\"more\":0}"))
        #expect(action.suit == .hearts)
        #expect(action.places == [1, 2])
        #expect(Card().patchInterval == .zero)
        #expect(Card().ticksPerSecond == 0)
    }

    @Test("fields are read and set as values")
    func fields() throws {
        struct Score: Codable, Equatable { var points: Int }
        let name = try #require(RoomName("r"))
        guard case .set("score", let json) = try Change.set("score", encoding: Score(points: 3)) else {
            Issue.record("no field is set")
            return
        }
        var room = RoomView(name: name, fields: ["score": json, "word": JSONBytes(string: "a")])
        #expect(room.read("score", as: Score.self) == Score(points: 3))
        #expect(room.read("word", as: Score.self) == nil)
        #expect(room.read("none", as: Score.self) == nil)
        #expect(room.read("word") == "a")
        #expect(throws: Refusal.self) { try Change.set("score", encoding: [Double.nan]) }
    }
}
