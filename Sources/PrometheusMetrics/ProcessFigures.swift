import Glibc

/// What the kernel tells about this process, in `/proc/self` (proc(5)).
enum ProcessFigures {
    /// Bytes of memory that are in RAM.
    static func residentMemory() -> Double? {
        guard let pages = Self.words("/proc/self/statm").dropFirst().first.flatMap({ Double($0) }) else { return nil }
        return pages * Double(sysconf(Int32(_SC_PAGESIZE)))
    }

    /// Seconds of processor time, the user's and the kernel's.
    static func cpuSeconds() -> Double? {
        let stat = Self.statFields()
        guard stat.count > 12, let user = Double(stat[11]), let system = Double(stat[12]) else { return nil }
        return (user + system) / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// Seconds from 1970 to the start of this process.
    static func startTime() -> Double? {
        let stat = Self.statFields()
        guard stat.count > 19, let ticks = Double(stat[19]),
            let text = Self.text("/proc/stat"),
            let line = text.split(separator: "\n").first(where: { $0.hasPrefix("btime ") }),
            let boot = Double(line.dropFirst(6))
        else { return nil }
        return boot + ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    static func openFileDescriptors() -> Double? {
        var status = stat()
        // Since Linux 6.2 the size of that folder is the number of its entries, which spares reading them.
        if stat("/proc/self/fd", &status) == 0, status.st_size > 0 { return Double(status.st_size) }
        guard let folder = opendir("/proc/self/fd") else { return nil }
        defer { closedir(folder) }
        var entries = 0
        while readdir(folder) != nil { entries += 1 }
        // Not ".", "..", and the descriptor that reads the folder.
        return Double(max(0, entries - 3))
    }

    static func maximumFileDescriptors() -> Double? {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
        return limit.rlim_cur == rlim_t.max ? .infinity : Double(limit.rlim_cur)
    }

    /// The fields of `/proc/self/stat` after the program's name, which may have spaces in it: the first is the state.
    private static func statFields() -> [Substring] {
        guard let text = Self.text("/proc/self/stat"), let end = text.lastIndex(of: ")") else { return [] }
        return text[text.index(after: end)...].split(whereSeparator: \.isWhitespace)
    }

    private static func words(_ path: String) -> [Substring] {
        Self.text(path)?.split(whereSeparator: \.isWhitespace) ?? []
    }

    private static func text(_ path: String) -> String? {
        let file = open(path, O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(file, &chunk, chunk.count)
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { break }
            bytes.append(contentsOf: chunk[..<count])
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
