import NIOCore

/// Which socket acts when, and in which room: everything follows from an act's running number, so that whoever gets an act
/// knows what to expect.
///
/// Rooms take turns, and in each room its acting sockets. Socket `i` of all is in room `i % rooms`; the first `actors` act.
struct FanOutPlan: Sendable, Equatable {
    let rooms: Int
    /// All acting sockets: as many in each room.
    let actors: Int
    /// Whether numbers are counted by the server, one sequence a room (Rejoin's versions), or by each acting socket.
    let serverCounts: Bool
    /// Whether who acts is not sent its own act.
    let excludesSender: Bool

    /// - Parameter actors: Rounded up to as many for each room.
    init(rooms: Int, actors: Int, dialect: Dialect?) {
        self.rooms = rooms
        self.actors = (actors + rooms - 1) / rooms * rooms
        self.serverCounts = dialect == nil
        self.excludesSender = dialect?.excludesSender ?? false
    }

    func room(act number: Int) -> Int { number % self.rooms }

    /// The acting socket.
    func actor(act number: Int) -> Int { number % self.actors }

    func room(socket number: Int) -> Int { number % self.rooms }

    /// How many sequences of numbers there are in a room.
    var sequences: Int { self.serverCounts ? 1 : self.actors / self.rooms }

    /// To which sequence of its room the acts of a socket belong; only without the server's own.
    func sequence(actor: Int) -> Int { actor / self.rooms }

    /// The how manieth act of its socket it is, from 1.
    func step(act number: Int) -> Int { number / self.actors + 1 }

    /// The running number among the acts of its room, from 0.
    func turn(act number: Int) -> Int { number / self.rooms }
}

/// What a delivered message says, as far as the generator needs it.
struct FanOutMessage {
    /// A part of a sequence: what comes after `from`, up to `version`.
    struct Step: Equatable {
        var sequence = 0
        var from: Int
        var version: Int
    }

    var steps: [Step] = []
    var acts: [BenchAct] = []
    /// Versions of whose acts nothing is in it, or acts without a version; only where the server counts.
    var unseen = 0
}

/// Reads what is delivered.
enum FanOutReader: Sendable {
    /// Patches of Rejoin's rooms.
    case patches
    /// Stamps, wherever they are.
    case stamps(StampFormat, FanOutPlan)

    /// - Returns: nil for what is not understood.
    func read(_ payload: ByteBuffer) -> FanOutMessage? {
        switch self {
        case .patches:
            return BenchPatch(payload).map { patch in
                FanOutMessage(
                    steps: [.init(from: patch.from, version: patch.version)], acts: patch.acts,
                    unseen: abs(patch.version - patch.from - patch.acts.count))
            }
        case .stamps(let format, let plan):
            let acts = format.acts(in: payload)
            guard !acts.isEmpty else { return nil }
            let steps = acts.map { act in
                let step = plan.step(act: act.number)
                return FanOutMessage.Step(
                    sequence: plan.sequence(actor: plan.actor(act: act.number)), from: step - 1, version: step)
            }
            return FanOutMessage(steps: steps, acts: acts)
        }
    }
}
