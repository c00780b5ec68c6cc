import NIOCore
import Testing

@testable import Bench

@Suite("Which socket acts when, and in which room")
struct FanOutPlanTests {
    private func dialect() -> Dialect {
        var dialect = Dialect()
        dialect.excludesSender = true
        return dialect
    }

    @Test("rooms take turns, and in each its acting sockets, who are in that room")
    func turns() {
        let plan = FanOutPlan(rooms: 3, actors: 5, dialect: self.dialect())
        #expect(plan.actors == 6, "as many in each room")
        for number in 0..<60 {
            #expect(plan.room(act: number) == plan.room(socket: plan.actor(act: number)))
        }
        #expect((0..<6).map { plan.room(act: $0) } == [0, 1, 2, 0, 1, 2])
        #expect((0..<6).map { plan.actor(act: $0) } == [0, 1, 2, 3, 4, 5])
        #expect((0..<6).map { plan.sequence(actor: plan.actor(act: $0)) } == [0, 0, 0, 1, 1, 1])
    }

    @Test("each acting socket counts its own acts, without a hole")
    func steps() {
        let plan = FanOutPlan(rooms: 2, actors: 4, dialect: self.dialect())
        for actor in 0..<4 {
            let steps = (0..<40).filter { plan.actor(act: $0) == actor }.map { plan.step(act: $0) }
            #expect(steps == Array(1...10))
        }
    }

    @Test("neighbouring acts of a room have different fields, however many rooms there are")
    func fields() {
        let plan = FanOutPlan(rooms: 256, actors: 256, dialect: nil)
        #expect(plan.turn(act: 7) == 0)
        #expect(plan.turn(act: 7 + 256) == 1)
    }

    @Test("the sockets of a room are as many as of any other, give or take one")
    func spread() {
        let plan = FanOutPlan(rooms: 7, actors: 7, dialect: nil)
        var counts = Array(repeating: 0, count: 7)
        for socket in 0..<100 { counts[plan.room(socket: socket)] += 1 }
        #expect(counts.allSatisfy { (14...15).contains($0) })
    }

    @Test("stamps in a message say which part of which sequence it is")
    func reading() {
        let plan = FanOutPlan(rooms: 1, actors: 2, dialect: self.dialect())
        let format = StampFormat(run: "5", padding: 0)
        let reader = FanOutReader.stamps(format, plan)
        let text = format.text(BenchAct(number: 4, intended: 1)) + format.text(BenchAct(number: 5, intended: 2))
        let message = reader.read(ByteBuffer(string: text))
        #expect(
            message?.steps == [
                FanOutMessage.Step(sequence: 0, from: 2, version: 3),
                FanOutMessage.Step(sequence: 1, from: 2, version: 3),
            ])
        #expect(reader.read(ByteBuffer(string: #"42["said","hello"]"#)) == nil)
    }
}
