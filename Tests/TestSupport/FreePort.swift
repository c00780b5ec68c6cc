import Glibc
import Synchronization

private let handedOut = Mutex<Set<Int>>([])

/// A TCP port of 127.0.0.1 that nothing listens on, and that this process was not given before.
///
/// It lies below the range that the kernel takes for outgoing connections, so that none of those takes it away.
public func freePort() -> Int {
    while true {
        let port = Int.random(in: 12_000..<32_000)
        let isNew = handedOut.withLock { $0.insert(port).inserted }
        if isNew && canBind(port) { return port }
    }
}

private func canBind(_ port: Int) -> Bool {
    let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
    guard descriptor >= 0 else { return false }
    defer { close(descriptor) }
    return withLoopback(port) { bind(descriptor, $0, $1) == 0 }
}

func withLoopback<R>(_ port: Int, _ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
    var address = sockaddr_in()
    address.sin_family = sa_family_t(AF_INET)
    address.sin_port = in_port_t(UInt16(port).bigEndian)
    address.sin_addr = in_addr(s_addr: in_addr_t(UInt32(0x7f00_0001).bigEndian))
    return withUnsafePointer(to: &address) { pointer in
        pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
            body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
    }
}
