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
}
