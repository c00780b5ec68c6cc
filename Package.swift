// swift-tools-version: 6.2
import PackageDescription

/// Every target of ours: strict about imports and existentials, no warning let through.
let swiftSettings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    // An asynchronous function stays on its caller's event loop until it says otherwise.
    .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
    .treatAllWarnings(as: .error),
]

let nioCore = Target.Dependency.product(name: "NIOCore", package: "swift-nio")
let nioEmbedded = Target.Dependency.product(name: "NIOEmbedded", package: "swift-nio")
let nioPosix = Target.Dependency.product(name: "NIOPosix", package: "swift-nio")
let nioHTTP1 = Target.Dependency.product(name: "NIOHTTP1", package: "swift-nio")
let nioHTTPTypes = Target.Dependency.product(name: "NIOHTTPTypes", package: "swift-nio-extras")
let nioHTTPTypesHTTP1 = Target.Dependency.product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras")
let httpTypes = Target.Dependency.product(name: "HTTPTypes", package: "swift-http-types")
let hummingbird = Target.Dependency.product(name: "Hummingbird", package: "hummingbird")
let hummingbirdCore = Target.Dependency.product(name: "HummingbirdCore", package: "hummingbird")
let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let metrics = Target.Dependency.product(name: "Metrics", package: "swift-metrics")
let coreMetrics = Target.Dependency.product(name: "CoreMetrics", package: "swift-metrics")
let serviceLifecycle = Target.Dependency.product(name: "ServiceLifecycle", package: "swift-service-lifecycle")
let unixSignals = Target.Dependency.product(name: "UnixSignals", package: "swift-service-lifecycle")
let crypto = Target.Dependency.product(name: "Crypto", package: "swift-crypto")
let cryptoExtras = Target.Dependency.product(name: "CryptoExtras", package: "swift-crypto")
let deque = Target.Dependency.product(name: "DequeModule", package: "swift-collections")
let configuration = Target.Dependency.product(name: "Configuration", package: "swift-configuration")
let argumentParser = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")
let histogram = Target.Dependency.product(name: "Histogram", package: "hdrhistogram-swift")
let nioTLS = Target.Dependency.product(name: "NIOTLS", package: "swift-nio")
let nioSSL = Target.Dependency.product(name: "NIOSSL", package: "swift-nio-ssl")
let asyncHTTPClient = Target.Dependency.product(name: "AsyncHTTPClient", package: "async-http-client")
let jwtKit = Target.Dependency.product(name: "JWTKit", package: "jwt-kit")
let grdb = Target.Dependency.product(name: "GRDB", package: "GRDB.swift")

/// The tests of one target.
func test(_ name: String, target: String? = nil, _ dependencies: Target.Dependency...) -> Target {
    .testTarget(
        name: target ?? name + "Tests", dependencies: [.byName(name: name), "TestSupport"] + dependencies,
        swiftSettings: swiftSettings)
}

let package = Package(
    name: "rejoin",
    products: [
        .executable(name: "rejoin", targets: ["rejoin"]),
        .library(name: "RejoinServer", targets: ["RejoinServer"]),
        .library(name: "Rooms", targets: ["Rooms"]),
        .library(name: "SocketIO", targets: ["EngineIO", "HummingbirdEngine", "SocketIO"]),
        .library(name: "SocketIOCluster", targets: ["Cluster", "RedisClient"]),
        .library(name: "SocketIOClient", targets: ["SocketIOClient"]),
        // For the package in Benchmarks, which cannot see what is `package` here.
        .library(name: "MicroBenchmarks", targets: ["MicroBenchmarks"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", exact: "1.6.0"),
        .package(
            url: "https://github.com/apple/swift-configuration", exact: "1.4.0",
            traits: ["YAML", "CommandLineArguments"]),
        .package(url: "https://github.com/apple/swift-crypto", exact: "4.5.2"),
        .package(url: "https://github.com/apple/swift-http-types", exact: "1.8.0"),
        .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", exact: "2.13.0"),
        .package(url: "https://github.com/apple/swift-nio", exact: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-extras", exact: "1.35.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", exact: "2.37.6"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", exact: "0.2.0"),
        .package(url: "https://github.com/groue/GRDB.swift", exact: "7.10.0"),
        .package(url: "https://github.com/hummingbird-project/hummingbird", exact: "2.28.1", traits: []),
        .package(url: "https://github.com/swift-server/async-http-client", exact: "1.37.0", traits: []),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", exact: "2.13.0"),
        .package(url: "https://github.com/vapor/jwt-kit", exact: "5.7.1"),
    ],
    targets: [
        // System libraries.
        // Without pkg-config, whose flags for hiredis Swift warns of at every build, and which nothing here needs.
        .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"])]),
        .systemLibrary(name: "CArgon2", pkgConfig: "libargon2", providers: [.apt(["libargon2-dev"])]),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),

        // libpq, by its header at build time and loaded when it is asked for.
        .target(name: "CPostgres"),

        // The layers, lowest first. Imports go down only.
        .target(
            name: "RedisClient",
            dependencies: ["CHiredis", nioCore, nioPosix, nioSSL, nioTLS, logging, serviceLifecycle, deque, crypto],
            swiftSettings: swiftSettings),
        .target(
            name: "Accounts",
            dependencies: ["CArgon2", "CPostgres", grdb, logging],
            swiftSettings: swiftSettings),
        .target(
            name: "EngineIO",
            dependencies: [
                "CZlib", nioCore, nioHTTP1, nioHTTPTypes, nioHTTPTypesHTTP1, nioSSL, nioTLS, httpTypes,
                hummingbirdCore, logging, coreMetrics, crypto, deque,
            ],
            swiftSettings: swiftSettings),
        .target(
            name: "HummingbirdEngine",
            dependencies: [
                "EngineIO", nioCore, nioPosix, nioHTTP1, httpTypes, hummingbird, hummingbirdCore, logging,
                serviceLifecycle,
                unixSignals,
            ],
            swiftSettings: swiftSettings),
        .target(
            name: "SocketIO",
            dependencies: ["EngineIO", nioCore, nioHTTP1, logging, coreMetrics, deque, serviceLifecycle],
            swiftSettings: swiftSettings),
        .target(
            name: "JSONWebTokens",
            dependencies: [asyncHTTPClient, jwtKit, logging, nioCore, nioHTTP1, serviceLifecycle],
            swiftSettings: swiftSettings),
        .target(
            name: "Cluster",
            dependencies: ["RedisClient", "SocketIO", nioCore, logging, metrics, serviceLifecycle],
            resources: [.embedInCode("Scripts")],
            swiftSettings: swiftSettings),
        .target(
            name: "Sessions",
            dependencies: [
                "Accounts", "Cluster", "EngineIO", "JSONWebTokens", "RedisClient", "SocketIO", nioCore, nioHTTP1,
                logging,
                coreMetrics, metrics, crypto, serviceLifecycle,
            ],
            resources: [.embedInCode("Scripts")],
            swiftSettings: swiftSettings),
        .target(
            name: "Rooms",
            dependencies: [
                "EngineIO", "RedisClient", "Sessions", "SocketIO", nioCore, logging, metrics, serviceLifecycle, deque,
            ],
            resources: [.embedInCode("Scripts")],
            swiftSettings: swiftSettings),
        .target(
            name: "RejoinServer",
            dependencies: [
                "Accounts", "Cluster", "EngineIO", "HummingbirdEngine", "JSONWebTokens", "PrometheusMetrics",
                "RedisClient", "Rooms", "Sessions", "SocketIO",
                nioCore, nioPosix, nioSSL, httpTypes, hummingbird, hummingbirdCore, logging, metrics, coreMetrics,
                serviceLifecycle, configuration, crypto, unixSignals,
            ],
            resources: [.embedInCode("Web")],
            swiftSettings: swiftSettings),
        .executableTarget(
            name: "rejoin",
            dependencies: [
                "RejoinServer", "Accounts", "Bench", "PrometheusMetrics", "Rooms", "SocketIO", "SocketIOClient",
                argumentParser, coreMetrics, logging, nioCore, nioPosix,
            ],
            resources: [.embedInCode("Resources")],
            swiftSettings: swiftSettings),

        // Beside the layers.
        .target(
            name: "PrometheusMetrics", dependencies: [coreMetrics], swiftSettings: swiftSettings),
        .target(
            name: "SocketIOClient",
            dependencies: ["EngineIO", "SocketIO", nioCore, nioPosix, nioHTTP1],
            swiftSettings: swiftSettings),

        .target(
            name: "Bench", dependencies: ["SocketIOClient", nioCore, nioPosix, histogram], swiftSettings: swiftSettings),
        .target(
            name: "MicroBenchmarks",
            dependencies: ["EngineIO", "RedisClient", "Rooms", "Sessions", "SocketIO", nioCore, logging],
            swiftSettings: swiftSettings),
        .executableTarget(
            name: "microbenchmark", dependencies: ["MicroBenchmarks", argumentParser], swiftSettings: swiftSettings),

        // What a user of the library writes.
        .executableTarget(
            name: "SocketIOEcho",
            dependencies: ["EngineIO", "HummingbirdEngine", "SocketIO", hummingbird, logging, nioPosix],
            path: "Examples/SocketIOEcho", swiftSettings: swiftSettings),
        .executableTarget(
            name: "Chat",
            dependencies: ["EngineIO", "HummingbirdEngine", "SocketIO", hummingbird, logging, nioPosix],
            path: "Examples/Chat", swiftSettings: swiftSettings),
        .executableTarget(
            name: "ClusterChat",
            dependencies: [
                "Cluster", "EngineIO", "HummingbirdEngine", "RedisClient", "SocketIO", hummingbird, logging, nioCore,
                nioPosix,
            ],
            path: "Examples/ClusterChat", swiftSettings: swiftSettings),
        .executableTarget(
            name: "Pong", dependencies: ["RejoinServer", "Rooms"], path: "Examples/Pong",
            resources: [.embedInCode("Web")], swiftSettings: swiftSettings),

        // Tests: one target for each of ours, on real servers.
        .target(
            name: "TestSupport", dependencies: [], path: "Tests/TestSupport", swiftSettings: swiftSettings),
        // What the Autobahn fuzzing client of the Python tests talks to.
        .executableTarget(
            name: "WebSocketEcho", dependencies: ["EngineIO", nioCore, nioHTTP1, nioPosix], path: "Tests/WebSocketEcho",
            swiftSettings: swiftSettings),
        test("Accounts", grdb, logging),
        test("Bench", nioCore),
        test("Cluster", "RedisClient", "SocketIO", nioCore, nioPosix, logging, serviceLifecycle),
        test(
            "EngineIO", "HummingbirdEngine", nioCore, nioEmbedded, nioPosix, nioHTTP1, nioSSL, hummingbird, logging,
            serviceLifecycle),
        test("JSONWebTokens", jwtKit, cryptoExtras, logging, nioCore, nioPosix, hummingbird, serviceLifecycle),
        test("Pong", "Rooms", "SocketIO", nioCore),
        test("MicroBenchmarks"),
        test("PrometheusMetrics", coreMetrics),
        test("RedisClient", nioCore, nioPosix, logging, serviceLifecycle),
        test("RejoinServer", "JSONWebTokens", "RedisClient", "SocketIO", "SocketIOClient", logging, nioCore, nioPosix),
        test("Rooms", "RedisClient", "SocketIO", nioCore, nioEmbedded, nioPosix, logging, serviceLifecycle),
        test("Sessions", "RedisClient", nioPosix, logging, crypto),
        test(
            "SocketIO", "EngineIO", "HummingbirdEngine", "SocketIOClient", nioCore, nioPosix, hummingbird, logging),
        test(
            "SocketIOClient", "EngineIO", "HummingbirdEngine", "SocketIO", nioCore, nioPosix, nioHTTP1, hummingbird,
            logging),
        test("rejoin", target: "RejoinNodeTests", "SocketIOClient", nioCore, nioPosix),
        test("rejoin", target: "RejoinCommandTests", "Accounts", "RejoinServer", logging),
    ]
)
