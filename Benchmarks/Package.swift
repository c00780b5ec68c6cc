// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that nobody who builds Rejoin builds or fetches what measures it.
let package = Package(
    name: "rejoin-benchmarks",
    dependencies: [
        .package(name: "rejoin", path: ".."),
        // Without its own allocator, which counts allocations: callgrind does.
        .package(url: "https://github.com/ordo-one/benchmark", exact: "1.38.1", traits: []),
    ],
    targets: [
        .executableTarget(
            name: "Rejoin",
            dependencies: [
                .product(name: "Benchmark", package: "benchmark"),
                .product(name: "MicroBenchmarks", package: "rejoin"),
            ],
            path: "Benchmarks/Rejoin",
            plugins: [.plugin(name: "BenchmarkPlugin", package: "benchmark")])
    ]
)
