#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// What the processes that can reach each other's loopback address have in common.
public enum HostIdentity {
    /// The kernel's boot and the network namespace of this process; the host's name where the system does not tell them.
    public static let current: String = {
        if let boot = line("/proc/sys/kernel/random/boot_id"), let network = link("/proc/self/ns/net") {
            return "\(boot)/\(network)"
        }
        var name = [CChar](repeating: 0, count: 256)
        gethostname(&name, name.count - 1)
        return text(name[...])
    }()

    private static func line(_ path: String) -> String? {
        guard let file = fopen(path, "re") else { return nil }
        defer { fclose(file) }
        var bytes = [CChar](repeating: 0, count: 128)
        guard fgets(&bytes, Int32(bytes.count), file) != nil else { return nil }
        return text(bytes[...].prefix { $0 != 10 })
    }

    private static func link(_ path: String) -> String? {
        var bytes = [CChar](repeating: 0, count: 128)
        let count = readlink(path, &bytes, bytes.count)
        return count > 0 ? text(bytes[..<count]) : nil
    }

    private static func text(_ bytes: ArraySlice<CChar>) -> String {
        String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
