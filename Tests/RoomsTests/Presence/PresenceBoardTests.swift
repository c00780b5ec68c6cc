import NIOCore
import RedisClient
@testable import Rooms
import SocketIO
import Testing

@Suite("Who is in a room, put together from the parts of the nodes")
struct PresenceBoardTests {
    private let own: NodeStart
    private let other: NodeStart
    private let room: RoomName
    private let ada = Player(userID: "a", name: "Ada")
    private let bob = Player(userID: "b", name: "Bob")

    init() throws {
        own = try #require(NodeStart("n1:0000000000000001"))
        other = try #require(NodeStart("n2:0000000000000002"))
        room = try #require(RoomName("r"))
    }

    private func board() -> PresenceBoard {
        PresenceBoard(own: own, grace: 60_000)
    }

    private func message(from: Int, watchers: Int = 0, _ changes: String...) throws -> PresenceMessage {
        let text = "h \(other) \(from) \(from + 1) \(watchers) \(changes.count)\n" + changes.joined()
        guard case .presence(let message)? = RoomMessage(ByteBuffer(string: text)) else {
            throw CancellationError()
        }
        return message
    }

    private func online(_ board: PresenceBoard) -> [String: Bool] {
        board.users.mapValues(\.isOnline)
    }

    @Test("a user with two sockets is there once, until the last one goes")
    func sockets() {
        var board = board()
        board.joined(.watcher, now: 1)
        board.joined(.player(ada), now: 1)
        board.joined(.player(ada), now: 2)
        #expect(board.watchers == 1)
        board.departed(.player(ada), .left, now: 3)
        #expect(online(board) == ["a": true])
        board.departed(.player(ada), .lost, now: 4)
        #expect(online(board) == ["a": false])
        board.departed(.watcher, .lost, now: 4)
        #expect(board.watchers == 0)
        // What never came cannot go.
        board.departed(.watcher, .lost, now: 4)
        board.departed(.player(bob), .left, now: 4)
        #expect(board.watchers == 0 && online(board) == ["a": false])
    }

    @Test("who was cut off is kept for the grace, and who left is gone")
    func grace() {
        var board = board()
        board.joined(.player(ada), now: 1)
        board.joined(.player(bob), now: 1)
        board.departed(.player(bob), .left, now: 2)
        #expect(online(board) == ["a": true])
        board.departed(.player(ada), .lost, now: 1_000)
        board.expire(now: 60_999)
        #expect(online(board) == ["a": false])
        board.expire(now: 61_000)
        #expect(online(board) == [:])
        let written = board.takeUnwritten()
        #expect(Set(written.map { "\($0.userID)\($0.change.kind)" }) == ["ad", "bx"])
        #expect(!board.hasOwnSeats && !board.isUnwritten)
    }

    @Test("a return within the grace counts from the next end on")
    func graceAgain() {
        var board = board()
        board.joined(.player(ada), now: 0)
        board.departed(.player(ada), .lost, now: 0)
        board.joined(.player(ada), now: 30_000)
        board.departed(.player(ada), .lost, now: 40_000)
        board.expire(now: 60_000)
        #expect(online(board) == ["a": false])
        board.expire(now: 100_000)
        #expect(online(board) == [:])
    }

    @Test("another node's changes are taken in their order only")
    func order() throws {
        var board = board()
        #expect(board.received(try message(from: 0, watchers: 3, "+ 0 1 3 bBob"), now: 5) == .taken)
        #expect(online(board) == ["b": true] && board.watchers == 3)
        #expect(board.received(try message(from: 0, "x 0 1 0 b"), now: 5) == .ignored)
        #expect(board.received(try message(from: 2, "x 0 1 0 b"), now: 5) == .gap)
        #expect(board.received(try message(from: 1, watchers: 2, "- 4 1 3 bBob"), now: 5) == .taken)
        #expect(online(board) == ["b": false] && board.watchers == 2)
        #expect(board.received(try message(from: 2, "d 0 1 0 b"), now: 5) == .taken)
        #expect(online(board) == [:])
    }

    @Test("who leaves one node is not kept as away by another")
    func leaveElsewhere() throws {
        var board = board()
        board.joined(.player(ada), now: 1)
        board.departed(.player(ada), .lost, now: 2)
        _ = board.takeUnwritten()
        _ = board.received(try message(from: 0, "+ 0 1 3 aAda"), now: 3)
        #expect(online(board) == ["a": true])
        _ = board.received(try message(from: 1, "x 0 1 0 a"), now: 4)
        #expect(online(board) == [:])
        #expect(board.takeUnwritten().map(\.change) == [.expired])
        // With a socket here the user stays.
        board.joined(.player(ada), now: 5)
        _ = board.received(try message(from: 2, "x 0 1 0 a"), now: 6)
        #expect(online(board) == ["a": true])
    }

    @Test("a node that dies takes its watchers, and its users after the grace; one that is back brings them again")
    func death() throws {
        var board = board()
        _ = board.received(try message(from: 0, watchers: 3, "+ 0 1 3 bBob"), now: 5)
        board.nodesLive({ _ in true }, now: 5)
        #expect(online(board) == ["b": true] && board.watchers == 3)
        board.nodesLive({ _ in false }, now: 1_000)
        #expect(online(board) == ["b": false] && board.watchers == 0)
        board.nodesLive({ _ in true }, now: 2_000)
        #expect(online(board) == ["b": true] && board.watchers == 3)
        board.nodesLive({ _ in false }, now: 3_000)
        board.expire(now: 62_999)
        #expect(online(board) == ["b": false])
        board.expire(now: 63_000)
        #expect(online(board) == [:] && board.parts[other] == nil)
        #expect(board.takeSpent(10) == ["\(other)|b", "\(other)"])
        #expect(!board.isBack { _ in false })
        #expect(board.isBack { _ in true })
        #expect(!board.isBack { _ in true })
    }

    @Test("what Redis lost of this node's part is written again, and what it has too much is taken away")
    func reading() {
        var board = board()
        board.joined(.player(ada), now: 1)
        board.joined(.watcher, now: 1)
        _ = board.takeUnwritten()
        #expect(!board.isUnwritten)
        board.read(PresenceReading([], limit: 10), isLive: { _ in true }, isFirst: false, now: 2)
        #expect(board.isUnwritten)
        #expect(board.takeUnwritten().map(\.change) == [.online(name: "Ada")])
        let stored: [String] = [
            "#", "7", "\(own)", "2 1", "\(own)|a", "1 Ada", "\(own)|b", "1 Bob", "\(other)", "2 5", "\(other)|c",
            "0 1 Cid",
        ]
        board.read(
            PresenceReading(stored.map { .bytes(ByteBuffer(string: $0)) }, limit: 10), isLive: { _ in true },
            isFirst: false, now: 3)
        #expect(board.changes == 7 && board.watchers == 6)
        #expect(online(board) == ["a": true, "c": false])
        #expect(board.takeUnwritten().map(\.change) == [.expired])
        // Of a node that nobody knows, everybody is away since it wrote last.
        board.read(
            PresenceReading(stored.map { .bytes(ByteBuffer(string: $0)) }, limit: 10), isLive: { $0 != other },
            isFirst: false, now: 3)
        #expect(board.watchers == 1)
    }

    @Test("a Redis from before takes nobody away whose node lives, until that node has written again")
    func fromBefore() throws {
        var board = board()
        #expect(board.received(try message(from: 0, watchers: 2, "+ 1 1 3 bBob"), now: 1) == .taken)
        #expect(board.received(try message(from: 1, "+ 1 1 3 cCid"), now: 1) == .taken)
        let before = PresenceReading(
            ["#", "1", "\(other)", "1 2", "\(other)|b", "1 Bob"].map { .bytes(ByteBuffer(string: $0)) }, limit: 10)
        board.read(before, isLive: { _ in true }, isFirst: false, isFromBefore: true, now: 2)
        #expect(online(board) == ["b": true, "c": true] && board.changes == 1)
        #expect(board.received(try message(from: 1, "+ 1 1 3 cCid"), now: 2) == .taken)
        // What was read is what is so, once the node had the time.
        board.read(before, isLive: { _ in true }, isFirst: false, isFromBefore: false, now: 3)
        #expect(online(board) == ["b": true] && board.watchers == 2)
        // A node that does not live tells nothing more.
        #expect(board.received(try message(from: 1, "+ 1 1 3 cCid"), now: 4) == .taken)
        board.read(before, isLive: { _ in false }, isFirst: false, isFromBefore: true, now: 5)
        #expect(online(board) == ["b": false] && board.watchers == 0)
    }

    @Test("what is no field of presence is left out")
    func invalidFields() {
        let stored = [
            "", "1", "x", "1 1", "n1:0000000000000001", "1", "n1:0000000000000001", "-1 1", "n1:0000000000000001|",
            "1 A",
            "n1:0000000000000001|a", "2 A", "n1:0000000000000001|a", "0 x A", "n1:000000000000000X|a", "1 A",
        ]
        let reading = PresenceReading(stored.map { .bytes(ByteBuffer(string: $0)) }, limit: 10)
        #expect(reading.invalid == stored.count / 2)
        #expect(reading.parts.isEmpty)
    }

    @Test("a name is read as it was written, also one that begins with a mark on the character before it")
    func marks() {
        for name in ["\u{301}a", "\u{20E3}", "\u{FE0F}", "\u{200D}b", " a", "", "1 a", "0 1 a", "e\u{301}"] {
            let stored = ["\(other)|on", "1 \(name)", "\(other)|off", "0 12 \(name)"]
            let reading = PresenceReading(stored.map { .bytes(ByteBuffer(string: $0)) }, limit: 10)
            let seats = reading.parts[other]?.seats
            #expect(reading.invalid == 0)
            #expect(seats?["on"].map { Array($0.name.utf8) } == Array(name.utf8))
            #expect(seats?["off"].map { Array($0.name.utf8) } == Array(name.utf8))
            #expect(seats?["off"]?.awaySince == 12)
        }
    }

    @Test("clients are told what changed, and nothing twice")
    func deltas() throws {
        var board = board()
        board.joined(.player(ada), now: 1)
        #expect(
            board.delta(in: room)
                == (try parsed(
                    "{\"room\":\"r\",\"set\":[{\"id\":\"a\",\"name\":\"Ada\",\"online\":true}],\"del\":[],\"total\":1,\"watchers\":0}"
                )))
        #expect(board.delta(in: room) == nil)
        board.departed(.player(ada), .lost, now: 2)
        board.joined(.player(ada), now: 3)
        #expect(board.delta(in: room) == nil)
        board.joined(.watcher, now: 4)
        #expect(
            board.delta(in: room)
                == (try parsed("{\"room\":\"r\",\"set\":[],\"del\":[],\"total\":1,\"watchers\":1}")))
        // Who joined in between knows what the others never heard of.
        board.joined(.player(bob), now: 5)
        #expect(board.full(in: room)["players"]?.elements()?.count == 2)
        board.departed(.player(bob), .left, now: 6)
        #expect(board.delta(in: room)?["del"] == (try parsed("[\"b\"]")))
    }

    @Test("who joins again, or joins and goes at once, gives nobody else anything to hear")
    func joiningAgain() {
        var board = board()
        board.joined(.player(ada), now: 1)
        #expect(board.full(in: room)["total"]?.int == 1)
        #expect(board.delta(in: room) != nil)
        #expect(board.full(in: room)["total"]?.int == 1)
        #expect(!board.hasNews && board.delta(in: room) == nil)
        // But who was told another number hears what it is now.
        board.joined(.watcher, now: 2)
        #expect(board.full(in: room)["watchers"]?.int == 1)
        board.departed(.watcher, .lost, now: 3)
        #expect(board.delta(in: room)?["watchers"]?.int == 0)
        board.joined(.watcher, now: 4)
        board.departed(.watcher, .lost, now: 5)
        #expect(board.delta(in: room) == nil)
    }

    @Test("200 users are listed, and another takes the place of one that goes")
    func listed() {
        var board = board()
        for number in 0..<205 {
            board.joined(.player(Player(userID: "u\(number)", name: "\(number)")), now: 1)
        }
        let full = board.full(in: room)
        #expect(full["players"]?.elements()?.count == 200 && full["total"]?.int == 205)
        #expect(board.delta(in: room)?["set"]?.elements()?.count == 200)
        board.departed(.player(Player(userID: "u0", name: "0")), .left, now: 2)
        let delta = board.delta(in: room)
        #expect(delta?["set"]?.elements()?.count == 1 && delta?["del"]?.elements()?.count == 1)
        #expect(delta?["total"]?.int == 204)
        #expect(board.full(in: room)["players"]?.elements()?.count == 200)
    }

    @Test("a message cut anywhere, or mutated, is refused and never traps")
    func messages() throws {
        let text = Array("h n2:0000000000000002 3 4 7 2\n+ 0 1 3 bBob- 12 1 3 cCé".utf8).dropLast(0)
        for length in 0..<text.count {
            #expect(RoomMessage(ByteBuffer(bytes: text.prefix(length))) == nil, "cut after \(length)")
        }
        var random = SystemRandomNumberGenerator()
        for _ in 0..<50_000 {
            var mutated = Array(text)
            mutated[Int.random(in: 0..<mutated.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            _ = RoomMessage(ByteBuffer(bytes: mutated))
        }
    }
}
