/// A small piece of what a node does for a message, an act or a visitor, to be done as often as one likes: on one
/// thread, without a network or a disk, the same every time.
public struct MicroBenchmark: Sendable {
    /// Lower-case words with hyphens, the part first: `websocket-decode`.
    public let name: String
    /// What one operation is, in a line.
    public let summary: String
    private let body: @Sendable (Int) throws -> Int

    /// - Parameter body: sets up, does that many operations, and returns how many came out as they should.
    init(_ name: String, _ summary: String, body: @escaping @Sendable (Int) throws -> Int) {
        self.name = name
        self.summary = summary
        self.body = body
    }

    /// Sets up, and does that many operations.
    ///
    /// - Returns: how many came out as they should; all of them, or something is broken.
    public func run(_ count: Int) throws -> Int {
        try body(count)
    }

    /// All there are.
    public static let all = redis + webSocket + socketIO + room + credential
}
