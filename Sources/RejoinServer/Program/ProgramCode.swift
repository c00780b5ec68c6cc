#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The code of the program and of its libraries, as the kernel has mapped it into this process.
enum ProgramCode {
    /// Takes the pages of code out of the process; those that it goes on to use come back from the page cache by themselves,
    /// a few microseconds each time.
    ///
    /// With each page that is run the kernel maps the fifteen around it, and the start (flags, configuration, opening the
    /// accounts) runs through most of the program once: 23 MB that a node would count as its own for good, and that the
    /// kernel would take for in use when memory is short. Call it when the start is over.
    static func release() {
        #if os(Linux)
        guard let maps = fopen("/proc/self/maps", "re") else { return }
        var line: UnsafeMutablePointer<CChar>?
        var capacity = 0
        defer {
            free(line)
            fclose(maps)
        }
        while getline(&line, &capacity, maps) > 0, let line {
            guard let code = range(String(cString: line)) else { continue }
            // Nobody writes to code, so nothing is lost. Where it fails, the pages stay.
            madvise(UnsafeMutableRawPointer(bitPattern: code.lowerBound), code.count, MADV_DONTNEED)
        }
        #endif
    }

    /// The addresses of a mapping that is code of a file: `FROM-TO r-xp OFFSET DEVICE INODE PATH` (proc(5)); `nil` for
    /// any other.
    static func range(_ mapping: String) -> Range<UInt>? {
        let fields = mapping.split(whereSeparator: \.isWhitespace)
        guard fields.count > 5, fields[1] == "r-xp", fields[4] != "0" else { return nil }
        let addresses = fields[0].split(separator: "-")
        guard addresses.count == 2, let from = UInt(addresses[0], radix: 16), let to = UInt(addresses[1], radix: 16),
            from < to
        else { return nil }
        return from..<to
    }
}
