@testable import Rooms
import Testing

@Suite("The turns of acts and ticks in a room")
struct TurnsTests {
    private var whole: RoomReads { RoomReads(isWhole: true) }

    private func reads(_ field: String) -> RoomReads { RoomReads(fields: [FieldName(field): 1]) }

    @Test("an act that writes what a waiting tick reads is barred until the tick has gone on")
    func barred() async {
        let acts = ActsInFlight()
        let a = FieldName("a")
        acts.claim(1, writes: [a])
        #expect(acts.isBlocked(whole))
        let turn = await withCheckedContinuation { (continuation: CheckedContinuation<ActsInFlight.Turn, Never>) in
            acts.wait(2, isTick: true, reads: whole, writes: [FieldName("clock")], continuation: continuation)
            #expect(acts.isBarred([FieldName("b")]))
            #expect(!acts.isBarred([]))
            acts.wake()
            #expect(acts.isBarred([FieldName("b")]))
            acts.release(1)
            // It may go on, and has not yet.
            #expect(acts.isBarred([FieldName("b")]))
        }
        #expect(turn == .decideAgain)
        acts.unclaim(2)
        #expect(!acts.isBarred([FieldName("b")]))
    }

    @Test("a tick bars only acts that write what it reads, and no more once its wait is over")
    func expired() async {
        let acts = ActsInFlight()
        acts.claim(1, writes: [FieldName("a")])
        let turn = await withCheckedContinuation { (continuation: CheckedContinuation<ActsInFlight.Turn, Never>) in
            acts.wait(2, isTick: true, reads: reads("a"), writes: [FieldName("a")], continuation: continuation)
            #expect(acts.isBarred([FieldName("a")]))
            #expect(!acts.isBarred([FieldName("b")]))
            acts.expire(2)
        }
        #expect(turn == .expired)
        #expect(!acts.isBarred([FieldName("a")]))
    }

    @Test("who is blocked no more when it begins to wait does not wait, and has its place", arguments: [false, true])
    func late(isTick: Bool) async {
        let acts = ActsInFlight()
        acts.claim(1, writes: [FieldName("a")])
        #expect(acts.isBlocked(reads("a")))
        acts.release(1)
        let turn = await withCheckedContinuation { (continuation: CheckedContinuation<ActsInFlight.Turn, Never>) in
            acts.wait(2, isTick: isTick, reads: reads("a"), writes: [FieldName("a")], continuation: continuation)
            #expect(acts.waitingCount == 0 && acts.isBlocked(reads("a")) && acts.isBarred([FieldName("a")]) == isTick)
        }
        #expect(turn == .decideAgain)
        acts.unclaim(2)
        #expect(!acts.isBlocked(reads("a")) && !acts.isBarred([FieldName("a")]))
    }

    @Test("acts that came before a tick go on before it, those that came after it go on after it")
    func order() async {
        let waiting = Waiting()
        await withDiscardingTaskGroup { group in
            for (id, isTick) in [(2, false), (3, true), (4, false)] {
                group.addTask { await waiting.wait(id, isTick: isTick) }
                while await waiting.count < id - 1 { await Task.yield() }
            }
            await waiting.releaseFirst()
        }
        #expect(await waiting.order == [2, 3, 4])
    }

    /// Where what reads and writes one field waits for the first of them, and goes on one by one.
    private actor Waiting {
        private let acts = ActsInFlight()
        private let field = FieldName("a")
        private(set) var order: [Int] = []
        var count: Int { acts.waitingCount }

        init() {
            acts.claim(1, writes: [field])
        }

        func wait(_ id: Int, isTick: Bool) async {
            let reads = RoomReads(fields: [field: 1])
            _ = await withCheckedContinuation {
                acts.wait(id, isTick: isTick, reads: reads, writes: [field], continuation: $0)
            }
            acts.unclaim(id)
            order.append(id)
            acts.claim(id, writes: [field])
            acts.release(id)
        }

        func releaseFirst() {
            acts.release(1)
        }
    }
}
