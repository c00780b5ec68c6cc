import Glibc
import NIOCore

/// Reads time and usage of the server and of the generator itself.
struct Meter {
    private let target: BenchTarget

    init(_ target: BenchTarget) {
        self.target = target
    }

    /// Whether Redis' process is known.
    var seesRedis: Bool { !self.target.otherProcesses.isEmpty }

    /// Whose CPU time counts.
    var server: String { self.seesRedis ? "nodes and Redis" : "the server" }

    /// Whether the server's processes are known.
    var seesServer: Bool { !self.target.nodeProcesses.isEmpty || !self.target.otherProcesses.isEmpty }

    struct Reading {
        let time: NIODeadline
        let nodes: ProcessUsage
        let others: ProcessUsage
        let clientCPUSeconds: Double
    }

    func read() throws -> Reading {
        let nodes = try self.target.nodeProcesses.map { try ProcessUsage(of: $0) }.reduce(ProcessUsage(), +)
        let others = try self.target.otherProcesses.map { try ProcessUsage(of: $0) }.reduce(ProcessUsage(), +)
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        let seconds = Double(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec)
        let microseconds = Double(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec)
        return Reading(
            time: .now(), nodes: nodes, others: others, clientCPUSeconds: seconds + microseconds / 1_000_000)
    }
}

/// What lies between two readings.
struct Consumption {
    let wallSeconds: Double
    let nodesCPUSeconds: Double
    let othersCPUSeconds: Double
    let clientCPUSeconds: Double

    init(from begin: Meter.Reading, to end: Meter.Reading) {
        self.wallSeconds = (end.time - begin.time).seconds
        self.nodesCPUSeconds = end.nodes.cpuSeconds - begin.nodes.cpuSeconds
        self.othersCPUSeconds = end.others.cpuSeconds - begin.others.cpuSeconds
        self.clientCPUSeconds = end.clientCPUSeconds - begin.clientCPUSeconds
    }

    var serverCPUSeconds: Double { self.nodesCPUSeconds + self.othersCPUSeconds }
}

extension BenchReport {
    /// CPU times, the server's where its processes are known.
    mutating func add(_ consumption: Consumption, _ meter: Meter) {
        if meter.seesServer {
            self.add("nodes_cpu_seconds", "nodes, CPU s", consumption.nodesCPUSeconds)
            if meter.seesRedis { self.add("redis_cpu_seconds", "Redis, CPU s", consumption.othersCPUSeconds) }
        }
        self.add("client_cpu_seconds", "generator, CPU s", consumption.clientCPUSeconds)
    }

    /// Something a second of the server's CPU, where that is known.
    mutating func addPerCPUSecond(
        _ key: String, _ what: String, _ count: Int, _ consumption: Consumption, _ meter: Meter
    ) {
        guard meter.seesServer, consumption.serverCPUSeconds > 0 else { return }
        let label = "\(what) per CPU s of \(meter.server)"
        self.add("\(key)_per_cpu_second", label, Double(count) / consumption.serverCPUSeconds)
        guard meter.seesRedis, consumption.nodesCPUSeconds > 0 else { return }
        let value = Double(count) / consumption.nodesCPUSeconds
        self.add("\(key)_per_node_cpu_second", "\(what) per CPU s of nodes", value)
    }
}

extension TimeAmount {
    var seconds: Double { Double(self.nanoseconds) / 1_000_000_000 }
}
