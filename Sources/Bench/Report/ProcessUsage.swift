import Glibc

/// CPU time and memory of a process, as Linux counts them.
struct ProcessUsage {
    /// User and system time, in seconds; the kernel's steps are 10 ms.
    var cpuSeconds = 0.0
    var residentBytes = 0

    /// - Throws: `BenchError` when the process is gone.
    init(of process: Int32) throws {
        let stat = try Self.text("/proc/\(process)/stat")
        // The name stands in parentheses and may hold anything: the fields after it begin with the third.
        guard let end = stat.lastIndex(of: ")") else { throw BenchError("/proc/\(process)/stat is unknown to us") }
        let fields = stat[stat.index(after: end)...].split(separator: " ")
        guard fields.count > 12, let user = Double(fields[11]), let system = Double(fields[12]) else {
            throw BenchError("/proc/\(process)/stat is unknown to us")
        }
        self.cpuSeconds = (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
        let status = try Self.text("/proc/\(process)/status")
        let resident = status.split(separator: "\n").first { $0.hasPrefix("VmRSS:") }
        let kibibytes = resident.flatMap { $0.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first }
        self.residentBytes = (kibibytes.flatMap { Int($0) } ?? 0) * 1024
    }

    init(cpuSeconds: Double = 0, residentBytes: Int = 0) {
        self.cpuSeconds = cpuSeconds
        self.residentBytes = residentBytes
    }

    static func + (left: Self, right: Self) -> Self {
        Self(
            cpuSeconds: left.cpuSeconds + right.cpuSeconds, residentBytes: left.residentBytes + right.residentBytes)
    }

    private static func text(_ path: String) throws -> String {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw BenchError("\(path) is gone: \(String(cString: strerror(errno)))") }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: 8192)
        let count = read(descriptor, &bytes, bytes.count)
        guard count > 0 else { throw BenchError("\(path) is gone") }
        return String(decoding: bytes[..<count], as: UTF8.self)
    }
}
