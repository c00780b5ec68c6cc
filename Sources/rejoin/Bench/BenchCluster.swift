import Bench
import FoundationEssentials
import RejoinServer

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A cluster that lives as long as one run of a benchmark: a redis-server without persistence and some nodes, in a
/// temporary folder. Confined to the main thread.
final class BenchCluster {
    private let folder: String
    private var redis: Child?
    private(set) var redisAddress: RedisAddress?
    private var nodes: [(name: String, child: Child, url: String?)] = []

    /// Where the private Redis listens, on 127.0.0.1.
    struct RedisAddress {
        let port: Int
        let password: String
    }

    /// What the nodes are told beside what was given to the benchmark, by environment name: limits that would be in the way.
    private(set) var raised: [(name: String, value: String)] = []

    /// How many event loops each of so many nodes has, unless the benchmark was told.
    static func threads(nodes count: Int) -> Int {
        max(1, min(4, ProcessInfo.processInfo.activeProcessorCount / count))
    }

    /// - Parameters:
    ///   - threads: Event loops of each node; nil: by their number.
    ///   - progress: Told that it starts.
    init(nodes count: Int, threads: Int? = nil, _ progress: ProgressLine) throws {
        progress.begin(count == 1 ? "starting a node" : "starting \(count) nodes")
        let parent = ProcessInfo.processInfo.environment["TMPDIR"] ?? "/tmp"
        var template = Array("\(parent)/rejoin-bench-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw Failure("no temporary folder in \(parent): \(String(cString: strerror(errno)))")
        }
        folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        do {
            try start(nodes: count, threads: threads ?? Self.threads(nodes: count))
        } catch {
            stop()
            throw error
        }
    }

    deinit { stop() }

    /// What is measured.
    var target: BenchTarget {
        BenchTarget(
            nodes: nodes.compactMap(\.url), nodeProcesses: nodes.map(\.child.pid),
            otherProcesses: redis.map { [$0.pid] } ?? [])
    }

    /// A file in the folder, which lives as long as the cluster.
    func path(of file: String) -> String { "\(folder)/\(file)" }

    /// The last lines of each log, for a message.
    var tails: String {
        let lines = nodes.compactMap { node -> String? in
            let text = (try? String(contentsOfFile: node.child.log, encoding: .utf8)) ?? ""
            return text.split(separator: "\n").last.map { "\n  \(node.name): \($0)" }
        }
        return lines.joined()
    }

    /// Kills all of it and removes its folder: nothing in it is worth keeping.
    func stop() {
        for child in nodes.map(\.child) + [redis].compactMap({ $0 }) {
            child.send(SIGKILL)
            while child.isAlive { if !child.reap() { usleep(1_000) } }
        }
        nodes = []
        redis = nil
        // What is left behind lies in the folder for temporary files.
        try? FileManager.default.removeItem(atPath: folder)
    }

    private func start(nodes count: Int, threads: Int) throws {
        let executable = try Path.executable()
        let setpriv = Path.find("setpriv")
        let redisURL = try startRedis(setpriv: setpriv)
        let environment = try environment(redisURL: redisURL, threads: threads)
        for number in 1...count {
            let name = "b\(number)"
            var own = environment
            own[ConfigurationKey.node.environmentName] = name
            let child = try Child(
                Child.Command(
                    program: executable, arguments: ["serve"], environment: own, log: "\(folder)/\(name).log",
                    readsOutput: true, signalOnParentDeath: "KILL"),
                setpriv: setpriv)
            nodes.append((name, child, nil))
        }
        try wait(.seconds(60), "the nodes are not ready") {
            for index in nodes.indices {
                let (name, child, url) = nodes[index]
                if child.reap(), let ending = child.ending { throw Failure("node \(name) \(ending)", details: tails) }
                let ready = child.takeLines().lazy.compactMap { ListeningAddress(readyLine: $0, node: name) }.first
                nodes[index].url = url ?? ready?.publicURL
            }
            return nodes.allSatisfy { $0.url != nil }
        }
    }

    /// What the nodes are told: the settings that were given to the benchmark, and else limits that are not in the way.
    private func environment(redisURL: String, threads: Int) throws -> [String: String] {
        let reader = try Settings.reader()
        var environment = ProcessInfo.processInfo.environment
        for key in ConfigurationKey.all {
            if let value = Settings.flags.values[key.name] { environment[key.environmentName] = value }
        }
        // What a file says that must not be so is left out: the nodes do not read it.
        environment["REJOIN_CONFIG"] = nil
        for (name, value) in reader.environmentOfFile where environment[name]?.isEmpty != false {
            environment[name] = value
        }
        let defaults: [(ConfigurationKey, String)] = [
            (.threads, "\(threads)"), (.registration, "open"),
            (.limitMessages, "100000/s"), (.limitBurst, "1000000"), (.limitSocketsPerSession, "10000"),
            (.limitHandshakes, "1000000/s"), (.limitHandshakeQueue, "1000000"), (.limitHashingQueue, "100000"),
            (.limitLoginAccountAddress, "1000000"), (.limitLoginAddress, "1000000"), (.limitLoginAccount, "1000000"),
            (.limitNewRooms, "1000000"),
        ]
        for (key, value) in defaults where !reader.isSet(key) {
            environment[key.environmentName] = value
            raised.append((key.environmentName, value))
        }
        environment[ConfigurationKey.redisURL.environmentName] = redisURL
        environment[ConfigurationKey.data.environmentName] = folder
        environment[ConfigurationKey.host.environmentName] = "127.0.0.1"
        environment[ConfigurationKey.adminHost.environmentName] = "127.0.0.1"
        environment[ConfigurationKey.port.environmentName] = "0"
        environment[ConfigurationKey.adminPort.environmentName] = "0"
        // Its clients speak no TLS, nor does its Redis; and its accounts are nobody's.
        let others: [ConfigurationKey] = [
            .advertise, .tlsCert, .tlsKey, .redisTLSCA, .redisTLSCert, .redisTLSKey, .accountsURL, .accountsQuery,
        ]
        for key in others { environment[key.environmentName] = nil }
        return environment
    }

    private func startRedis(setpriv: String?) throws -> String {
        guard let program = Path.find("redis-server") else { throw Failure("redis-server is not installed") }
        let password = (0..<4).map { _ in String(UInt64.random(in: 0...UInt64.max), radix: 36) }.joined()
        // Between finding a free port and using it somebody else may take it.
        for _ in 1...5 {
            let port = try LoopbackPort.free()
            let settings = """
                bind 127.0.0.1
                port \(port)
                requirepass \(password)
                dir \(folder)
                daemonize no
                appendonly no
                save ""
                maxmemory-policy noeviction

                """
            let child = try Child(
                Child.Command(
                    program: program, arguments: ["-"], environment: ["PATH": "/usr/bin:/bin", "LC_ALL": "C"],
                    input: settings, log: "\(folder)/redis.log", signalOnParentDeath: "KILL"),
                setpriv: setpriv)
            redis = child
            var isReady = false
            try wait(.seconds(20), "redis-server does not answer") {
                isReady = RedisGreeting.version(port: port, password: password) != nil
                return isReady || child.reap()
            }
            if isReady {
                redisAddress = RedisAddress(port: port, password: password)
                return "redis://:\(password)@127.0.0.1:\(port)"
            }
        }
        throw Failure("redis-server does not start")
    }

    private func wait(_ limit: Duration, _ complaint: String, until condition: () throws -> Bool) throws {
        let deadline = ContinuousClock.now + limit
        while try !condition() {
            guard ContinuousClock.now < deadline else {
                throw Failure("\(complaint) within \(DurationText.format(limit))", details: tails)
            }
            usleep(5_000)
        }
    }
}
