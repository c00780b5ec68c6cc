import Bench
import FoundationEssentials

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// What Redis alone does of what an act asks of it: `redis-benchmark`, Debian's own, with the very script and arguments of
/// an act.
///
/// One act is done by a node while Redis tells what it is asked (MONITOR). That call is repeated on a room of its own which
/// nobody is in, with a new id each time, over as many connections as there are nodes and with as many calls under way as
/// there are acts. It is one room always: redis-benchmark cannot put the same number into several keys of a call, and Redis
/// does one call after the other anyway.
struct RedisYardstick: Yardstick {
    let key = "redis_benchmark"
    let label = "redis-benchmark of an act's EVALSHA, calls/s"
    let figure = "acts_per_second"
    /// Calls under way at a time, over all connections.
    let inFlight: Int
    let calls: Int

    /// What redis-benchmark replaces by a random number below its `-r`.
    private static let random = "__rand_int__"

    /// Digits of that number: characters of an id, which those of the benchmark's acts should have as well.
    static let idLength = 12

    func measure(_ cluster: BenchCluster?, _ progress: ProgressLine) throws -> Double {
        guard let cluster, let redis = cluster.redisAddress else {
            throw Failure("redis-benchmark is for a cluster of its own")
        }
        guard let program = Path.find("redis-benchmark") else {
            throw Failure("redis-benchmark is not installed; Debian's package redis-tools brings it")
        }
        progress.begin("redis-benchmark: \(calls) calls of an act's script")
        let call = try capture(cluster, redis, progress)
        let room = "bench-redis-\(UInt32.random(in: 0...UInt32.max))"
        let wire = try RedisWire(port: redis.port, password: redis.password)
        let before = try commit(call.begin(room: room, id: "begin"), wire)
        let connections = cluster.target.nodes.count
        let words = call.again(room: room, id: Self.random)
        let speed = try benchmark(
            program,
            ["-r", "100000000", "-c", "\(connections)", "-P", "\(max(1, inFlight / connections))", "-n", "\(calls)"]
                + ["--csv"] + words, cluster, redis, progress)
        // Each call makes one version, or it was not an act.
        let applied = try commit(call.again(room: room, id: "end"), wire) - before - 1
        guard Double(applied) > 0.98 * Double(calls) else {
            throw Failure("only \(applied) of \(calls) calls of redis-benchmark were applied")
        }
        return speed
    }

    /// Sees an act of a new player go by.
    private func capture(
        _ cluster: BenchCluster, _ redis: BenchCluster.RedisAddress, _ progress: ProgressLine
    ) throws -> CommitCall {
        let room = "bench-sample-\(UInt32.random(in: 0...UInt32.max))"
        let id = String(repeating: "7", count: Self.idLength)
        let wire = try RedisWire(port: redis.port, password: redis.password)
        try wire.send(["MONITOR"])
        let context = BenchContext(target: cluster.target, clientThreads: 1, progress: progress.progress)
        try MainThread.wait({ try await ActSample(room: room, id: id, timeout: .seconds(10)).run(context) })
        while true {
            if let call = CommitCall(monitored: try wire.line(), room: room, id: id) { return call }
        }
    }

    /// - Returns: the version of the room that a commit made.
    private func commit(_ words: [String], _ wire: RedisWire) throws -> Int {
        try wire.send(words)
        let answer = try wire.array()
        guard answer.first == "applied", let version = answer.last.flatMap({ Int($0) }) else {
            throw Failure("an act's script that was called as a node calls it answers \(answer)")
        }
        return version
    }

    private func benchmark(
        _ program: String, _ arguments: [String], _ cluster: BenchCluster, _ redis: BenchCluster.RedisAddress,
        _ progress: ProgressLine
    ) throws -> Double {
        let log = cluster.path(of: "redis-benchmark.log")
        // It takes a password as an argument only; this Redis and its password are gone after the run.
        let command = Child.Command(
            program: program, arguments: ["-p", "\(redis.port)", "-a", redis.password] + arguments,
            environment: ["PATH": "/usr/bin:/bin", "LC_ALL": "C"], log: log, readsOutput: true,
            signalOnParentDeath: "KILL")
        let child = try Child(command, setpriv: Path.find("setpriv"))
        defer {
            child.send(SIGKILL)
            while child.isAlive { if !child.reap() { usleep(1_000) } }
        }
        let deadline = ContinuousClock.now + .seconds(120)
        while !child.reap(), ContinuousClock.now < deadline {
            usleep(20_000)
            progress.draw()
        }
        let output = child.takeLines().joined(separator: "\n")
        guard let speed = Self.speed(in: output) else {
            let errors = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
            throw Failure("redis-benchmark says \(output.suffix(300)) \(errors.suffix(300))")
        }
        return speed
    }

    /// Calls a second: of the last line's eight columns the second. The first may hold anything.
    static func speed(in output: String) -> Double? {
        let columns = output.split(separator: "\n").last?.split(separator: "\",\"").suffix(7)
        return columns?.count == 7 ? columns?.first.flatMap { Double($0) } : nil
    }
}
