import MicroBenchmarks
import Testing

/// What is measured is what is meant: every operation comes to its end.
@Suite struct MicroBenchmarkTests {
    @Test(arguments: MicroBenchmark.all.map(\.name))
    func `every operation of a benchmark comes out as it should`(name: String) throws {
        let benchmark = try #require(MicroBenchmark.all.first { $0.name == name })
        #expect(try benchmark.run(25) == 25)
        #expect(try benchmark.run(0) == 0)
    }

    @Test func `benchmarks have names of their own`() {
        #expect(Set(MicroBenchmark.all.map(\.name)).count == MicroBenchmark.all.count)
    }
}
