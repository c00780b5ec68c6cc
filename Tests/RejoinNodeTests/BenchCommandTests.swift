import FoundationEssentials
import TestSupport
import Testing

@Suite("The load generator on clusters of its own", .timeLimit(.minutes(1)))
struct BenchCommandTests {
    /// Runs the program to its end.
    private func bench(_ arguments: String...) async throws -> (status: Int32, output: String) {
        let folder = try temporaryFolder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = "\(folder)/out"
        let process = try ChildProcess(
            try NodeProcess.program(), arguments: ["bench"] + arguments, environment: ["TMPDIR": folder],
            outputPath: path)
        let status = try await process.wait(timeout: .seconds(40))
        let left = try FileManager.default.contentsOfDirectory(atPath: folder)
        #expect(left == ["out"], "nothing is left behind")
        return (status, String(decoding: FileManager.default.contents(atPath: path) ?? Data(), as: UTF8.self))
    }

    @Test("fan-out to a room loses, doubles and reorders nothing")
    func fanOut() async throws {
        let (status, output) = try await self.bench(
            "fanout", "--nodes", "2", "--sockets", "20", "--rate", "100", "--duration", "0.5", "--warm-up", "0.1")
        #expect(status == 0, "\(output)")
        let rows = output.split(separator: "\n").map { $0.split(separator: " ") }
        #expect(rows.contains(["acts", "applied", "50"]), "\(output)")
        #expect(rows.contains(["deliveries", "1,000"]), "\(output)")
        #expect(rows.contains(["lost", "0"]), "\(output)")
    }

    @Test("the players of a killed node all come back, and their acts are kept")
    func rejoin() async throws {
        let (status, output) = try await self.bench(
            "rejoin", "--nodes", "2", "--players", "20", "--accounts", "4", "--players-per-room", "10")
        #expect(status == 0, "\(output)")
        let rows = output.split(separator: "\n").map { $0.split(separator: " ") }
        #expect(rows.contains(["acting", "on", "another", "node", "20"]), "\(output)")
        #expect(rows.contains(["acts", "found", "in", "the", "rooms", "afterwards", "40"]), "\(output)")
    }

    @Test("a setting that makes no sense is wrong usage")
    func usage() async throws {
        #expect(try await self.bench("fanout", "--sockets", "0").status == 2)
        #expect(try await self.bench("rejoin", "--url", "http://127.0.0.1:1").status == 2)
        #expect(try await self.bench("idle", "--steps", "100").status == 2)
    }
}
