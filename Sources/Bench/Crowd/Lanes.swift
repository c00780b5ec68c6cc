/// How crowds share a window: as many crowds at a time as it allows, with all of it.
struct Lanes: Equatable {
    /// Crowds that follow each other, each with so much under way.
    struct Lane: Equatable, Sendable {
        var window: Int
        var crowds: [Int]
    }

    let lanes: [Lane]

    /// - Parameters:
    ///   - window: 1 or more.
    ///   - crowds: Those that have something to do.
    init(window: Int, crowds: [Int]) {
        let count = min(window, crowds.count)
        self.lanes = (0..<count).map { lane in
            Lane(
                window: window * (lane + 1) / count - window * lane / count,
                crowds: stride(from: lane, to: crowds.count, by: count).map { crowds[$0] })
        }
    }
}
