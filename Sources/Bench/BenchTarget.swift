/// What is measured: nodes, and the processes whose CPU time and memory are the server's.
public struct BenchTarget: Sendable {
    /// `http://HOST:PORT` of each node; not empty.
    public var nodes: [String]
    /// The processes of the nodes, in their order; empty when they are not known (they may run elsewhere).
    public var nodeProcesses: [Int32]
    /// Further processes of the server (Redis).
    public var otherProcesses: [Int32]

    public init(nodes: [String], nodeProcesses: [Int32] = [], otherProcesses: [Int32] = []) {
        self.nodes = nodes
        self.nodeProcesses = nodeProcesses
        self.otherProcesses = otherProcesses
    }

    func node(_ number: Int) -> String {
        self.nodes[number % self.nodes.count]
    }
}
