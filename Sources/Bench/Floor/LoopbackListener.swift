import Glibc

/// A listening loopback socket and the connections that were accepted on it; all are closed with it. Not for several
/// threads at a time.
final class LoopbackListener {
    let port: Int
    /// The accepted ends, without delay and non-blocking.
    private(set) var connections: [Int32] = []
    private let listener: Int32

    init() throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard listener >= 0 else { throw Self.failure("socket") }
        self.listener = listener
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isListening = withUnsafeMutablePointer(to: &address) { address in
            address.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                bind(listener, address, length) == 0 && listen(listener, 4_096) == 0
                    && getsockname(listener, address, &length) == 0
            }
        }
        self.port = Int(UInt16(bigEndian: address.sin_port))
        guard isListening else { throw Self.failure("listen") }
    }

    deinit { (self.connections + [self.listener]).forEach { close($0) } }

    /// Waits for a connection.
    func accept() throws {
        let connection = Glibc.accept(self.listener, nil, nil)
        guard connection >= 0 else { throw Self.failure("accept") }
        self.connections.append(connection)
        var one: Int32 = 1
        setsockopt(connection, Int32(IPPROTO_TCP), TCP_NODELAY, &one, socklen_t(MemoryLayout<Int32>.size))
        guard fcntl(connection, F_SETFL, O_NONBLOCK) == 0 else { throw Self.failure("fcntl") }
    }

    private static func failure(_ call: String) -> BenchError {
        BenchError("\(call) on loopback failed: \(String(cString: strerror(errno)))")
    }
}
