import ArgumentParser
import MicroBenchmarks

/// Runs one micro-benchmark, for a tool that counts what it does.
@main
struct MicroBenchmarkCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "microbenchmark",
        abstract: "Does one small piece of work many times; without a name, lists them.",
        discussion: "Benchmarks/instructions runs it under callgrind, which counts the instructions.")

    @Argument(help: "Which.")
    var name: String?

    @Argument(help: "How many times.")
    var count = 1_000

    func validate() throws {
        guard let name, !MicroBenchmark.all.contains(where: { $0.name == name }) else { return }
        throw ValidationError("there is no \(name); without a name, microbenchmark lists those that there are")
    }

    func run() throws {
        guard let benchmark = MicroBenchmark.all.first(where: { $0.name == name }) else {
            for benchmark in MicroBenchmark.all { print("\(benchmark.name)\t\(benchmark.summary)") }
            return
        }
        let successes = try benchmark.run(count)
        guard successes == count else {
            throw ValidationError("\(successes) of \(count) operations came out as they should")
        }
    }
}
