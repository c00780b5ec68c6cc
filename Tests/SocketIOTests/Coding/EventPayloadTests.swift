import NIOCore
import SocketIO
import Testing

@Suite("Arguments of events")
struct EventPayloadTests {
    private struct Point: Codable, Equatable {
        let x: Int
        let picture: Binary?
    }

    @Test("values are decoded as they were encoded, those that may be missing too")
    func optionals() throws {
        let payload = try EventPayload.encoding("a", 1, Point(x: 2, picture: Binary([3])), Point(x: 4, picture: nil))
        #expect(try payload.decode(String.self, at: 0) == "a")
        #expect(try payload.decode(String?.self, at: 0) == "a")
        #expect(try payload.decode(Int?.self, at: 1) == 1)
        #expect(try payload.decode(Point?.self, at: 2) == Point(x: 2, picture: Binary([3])))
        #expect(try payload.decode(Point.self, at: 3) == Point(x: 4, picture: nil))
        #expect(try payload.decode(Int?.self, at: 4) == nil)
        #expect(throws: DecodingError.self) { try payload.decode(Int.self, at: 4) }
    }

    @Test("JSON is decoded as a value: what a client says of itself, or a socket's data")
    func json() throws {
        let json = try JSONBytes(encoding: ["name": "Ada"])
        #expect(try json.decode([String: String].self) == ["name": "Ada"])
        let name: String? = try json["name"]?.decode()
        #expect(name == "Ada")
        #expect(try JSONBytes.null.decode(Int?.self) == nil)
        #expect(throws: DecodingError.self) { try json.decode(Int.self) }
        // Binary values are an event's, and not there without it.
        #expect(throws: DecodingError.self) { try JSONBytes.placeholder(0).decode(Binary.self) }
    }
}
