import FoundationEssentials
import Glibc
import TestSupport

/// One `rejoin serve` of the program that was built with these tests.
final class NodeProcess: Sendable {
    let name: String
    let url: String
    let process: ChildProcess

    /// The program lies beside the tests' own.
    static func program() throws -> String {
        let own = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        let folder = own.prefix(upTo: own.lastIndex(of: "/") ?? own.endIndex)
        let program = "\(folder)/rejoin"
        guard access(program, X_OK) == 0 else { throw TestSupportError("\(program) is not built") }
        return program
    }

    /// Starts a node, and waits for its ready line.
    init(_ name: String, redisURL: String, folder: String, environment: [String: String]) async throws {
        self.name = name
        let own = [
            "REJOIN_NODE": name, "REJOIN_PORT": "0", "REJOIN_ADMIN_PORT": "0", "REJOIN_REDIS_URL": redisURL,
            "REJOIN_DATA": "\(folder)/data", "REJOIN_REGISTRATION": "open", "REJOIN_THREADS": "2",
        ]
        let log = "\(folder)/\(name).log"
        let process = try ChildProcess(
            try Self.program(), arguments: ["serve"], environment: own.merging(environment) { $1 }, outputPath: log)
        self.process = process
        let start = "rejoin: node \(name) ready on "
        var url = ""
        try await eventually(timeout: .seconds(20), "node \(name) is ready") {
            let text = String(decoding: FileManager.default.contents(atPath: log) ?? Data(), as: UTF8.self)
            guard process.isRunning else { throw TestSupportError("node \(name) ended: \(text)") }
            let line = text.split(separator: "\n").first { $0.hasPrefix(start) }
            url = line.map { String($0.dropFirst(start.count).prefix { $0 != " " }) } ?? ""
            return !url.isEmpty
        }
        self.url = url
    }
}

/// Runs a test's body on three nodes and a Redis, which are killed afterwards.
func withThreeNodes(
    _ environment: [String: String] = [:], _ body: (_ nodes: [NodeProcess]) async throws -> Void
) async throws {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try await withRedisServer { redis in
        async let first = NodeProcess("n1", redisURL: redis.url, folder: folder, environment: environment)
        async let second = NodeProcess("n2", redisURL: redis.url, folder: folder, environment: environment)
        async let third = NodeProcess("n3", redisURL: redis.url, folder: folder, environment: environment)
        let nodes = try await [first, second, third]
        defer { nodes.forEach { $0.process.kill() } }
        try await body(nodes)
    }
}
