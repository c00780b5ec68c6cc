import NIOCore
import SocketIO
import Testing

@testable import Rooms

@Suite("What a decision comes to")
struct VerdictTests {
    private func changes(_ decided: [Change]) throws -> [String] {
        let name = try #require(RoomName("r"))
        let verdict = Verdict({ _ in decided }, of: SharedObject(), in: RoomReplica(name: name), limits: RoomLimits())
        return verdict.changes.map { "\($0.name.text)=\($0.value.map { String(buffer: $0.buffer) } ?? "")" }
    }

    @Test("of several changes of a field the last counts, however many there are")
    func lastCounts() throws {
        let a: [Change] = [.set("a", JSONBytes(integer: 1)), .delete("a")]
        #expect(try changes(a) == ["a="])
        #expect(try changes([.delete("b")] + a.reversed()) == ["b=", "a=1"])
        let many = (0..<10).map { Change.set("f\($0 % 5)", JSONBytes(integer: $0)) }
        #expect(try changes(many) == ["f0=5", "f1=6", "f2=7", "f3=8", "f4=9"])
        #expect(try changes(Array(many[..<4])) == ["f0=0", "f1=1", "f2=2", "f3=3"])
    }

    @Test("names that only look the same are two fields")
    func names() throws {
        #expect(
            try changes([.set("\u{e9}", .true), .set("e\u{301}", .false)]) == ["\u{e9}=true", "e\u{301}=false"])
    }

    @Test("no epoch that is offered is offered twice")
    func epochs() {
        let epochs = (0..<1_000).map { _ in RoomContext.freshEpoch() }
        #expect(Set(epochs).count == epochs.count)
        #expect(
            epochs.allSatisfy { epoch in
                epoch.utf8.count == 22
                    && epoch.unicodeScalars.allSatisfy {
                        $0.properties.isAlphabetic || "0123456789-_".contains("\($0)")
                    }
            })
    }
}
