import Benchmark
import MicroBenchmarks

/// Every micro-benchmark by the clock: for comparing two states of the code on one machine. What an operation costs in
/// instructions and allocations is counted, and held, by `Benchmarks/instructions`. (The library counts instructions
/// itself where the processor's counters can be read, and leaves them out elsewhere.)
nonisolated(unsafe) let benchmarks = {
    for microBenchmark in MicroBenchmark.all {
        Benchmark(
            microBenchmark.name,
            configuration: .init(
                metrics: [.wallClock, .throughput, .instructions], scalingFactor: .kilo, maxDuration: .seconds(1))
        ) { benchmark in
            let count = benchmark.scaledIterations.count
            guard try microBenchmark.run(count) == count else {
                return benchmark.error("an operation did not come out as it should")
            }
        }
    }
}
