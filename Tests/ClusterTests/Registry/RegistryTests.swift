import NIOCore
import RedisClient
import Testing

@testable import Cluster

private func text(_ string: String) -> RedisValue { .bytes(ByteBuffer(string: string)) }

@Suite("Names, records and addresses")
struct RegistryTests {
    @Test("a node's name is one to eight small letters and digits")
    func names() {
        for name in ["a", "n1", "abcdefgh", "0"] { #expect(NodeName(name)?.description == name) }
        for name in ["", "abcdefghi", "A", "a-b", "ü", "a b", "a\n", "a\u{0}", "{a}", "*"] {
            #expect(NodeName(name) == nil)
        }
        for _ in 0..<100 { #expect(NodeName(NodeName.random().description) != nil) }
        for _ in 0..<100 { #expect(Incarnation(Incarnation.random().description) != nil) }
    }

    @Test("what reaches another machine on every machine is local")
    func addresses() {
        for address in [
            "127.0.0.1:80", "127.9.9.9:80", "localhost:80", "a.localhost:1", "LOCALHOST:1", "0.0.0.0:80", "[::]:80",
            "[::1]:80", "*:80", ":80", "", "[::ffff:127.0.0.1]:1",
        ] {
            #expect(AdvertisedAddress(address).isLocal, "\(address)")
        }
        for address in ["10.0.0.1:80", "node1:80", "127.example.com:80", "[fe80::1]:80", "127.0.0.1.test:1"] {
            #expect(!AdvertisedAddress(address).isLocal, "\(address)")
        }
    }

    @Test("a record is read as it was written; another version's fields and states do no harm")
    func record() throws {
        let name = try #require(NodeName("n1"))
        let record = NodeRecord(
            name: name, incarnation: .random(), address: "h:1", adminAddress: "h:2", version: "1.2.3", startedAt: 5,
            sockets: 6, rooms: 7, state: .deaf, reason: "why", storeID: "s", host: "x", age: .seconds(1))
        var fields = record.fields.flatMap { field, value -> [RedisValue] in
            switch value {
            case .string(let string): [text(field), text(string)]
            case .integer(let integer): [text(field), text(String(integer))]
            case .bytes(let bytes): [text(field), .bytes(bytes)]
            }
        }
        fields += [text("colour"), text("green")]
        #expect(NodeRecord(name: name, age: .seconds(1), fields: fields[...]) == record)
        fields += [text("state"), text("dancing"), text("sockets"), text("many"), text("rooms"), text("-3")]
        let newer = try #require(NodeRecord(name: name, age: .zero, fields: fields[...]))
        #expect(newer.state == .unknown)
        #expect(newer.sockets == 0)
        #expect(newer.rooms == 0)
    }

    @Test("what is no heartbeat's answer is malformed, and what is no record is nobody's")
    func malformed() {
        for value in [RedisValue.null, .integer(1), .array([]), .array([text("owned")]), .array([text("what")])] {
            guard case .malformed = HeartbeatReply(value, readAt: .now) else {
                Issue.record("\(value) is taken for an answer")
                continue
            }
        }
        let entries: [RedisValue] = [
            .null, .array([]), .array([text("a")]), .array([text("A"), .integer(1)]),
            .array([text("a"), .integer(1), text("name")]), .array([text("a"), .integer(1), text("name"), text("b")]),
            .array([text("c"), .integer(.min)]),
        ]
        let value = RedisValue.array([text("owned"), text(""), text("")] + entries)
        guard case .owned(let list) = HeartbeatReply(value, readAt: .now) else {
            Issue.record("the answer is not taken")
            return
        }
        #expect(list.records.isEmpty)
        #expect(list.unread.map(\.description) == ["c"])
    }
}

@Suite("A node's place in the cluster")
struct MembershipTests {
    private let start = ContinuousClock.now

    private func list(_ seconds: Int, drain: String? = nil) -> HeartbeatReply {
        var list = NodeList(readAt: start + .seconds(seconds))
        list.drainRequest = drain
        list.storeID = "\(seconds)"
        return .owned(list)
    }

    @Test("a node whose name belongs to another incarnation must end, whenever it learns it")
    func replaced() {
        var membership = Membership(now: start)
        #expect(membership.heartbeatAnswered(.taken, sentAt: start) == .none)
        membership.joined()
        #expect(membership.heartbeatAnswered(list(1), sentAt: start) == .none)
        #expect(membership.heartbeatAnswered(.taken, sentAt: start) == .end)
        #expect(membership.phase == .replaced)
        #expect(membership.heartbeatAnswered(list(2), sentAt: start) == .none)
    }

    @Test("an older list does not replace a newer one")
    func order() {
        var membership = Membership(now: start)
        membership.joined()
        #expect(membership.heartbeatAnswered(list(2), sentAt: start + .seconds(2)) == .none)
        #expect(membership.heartbeatAnswered(list(1), sentAt: start + .seconds(1)) == .none)
        #expect(membership.list.storeID == "2")
        #expect(membership.lastHeartbeat == start + .seconds(2))
    }

    @Test("a request to drain is told once, another one again")
    func drain() {
        var membership = Membership(now: start)
        membership.joined()
        #expect(membership.heartbeatAnswered(list(1, drain: "x"), sentAt: start) == .drain)
        #expect(membership.heartbeatAnswered(list(2, drain: "x"), sentAt: start) == .none)
        #expect(membership.heartbeatAnswered(list(3, drain: "y"), sentAt: start) == .drain)
    }

    @Test("a failure lasts until a heartbeat is answered")
    func failure() {
        var membership = Membership(now: start)
        membership.joined()
        membership.heartbeatFailed("MISCONF")
        #expect(membership.failure == "MISCONF")
        #expect(membership.heartbeatAnswered(.malformed, sentAt: start) == .none)
        #expect(membership.failure != nil)
        #expect(membership.heartbeatAnswered(list(1), sentAt: start) == .none)
        #expect(membership.failure == nil)
    }
}
