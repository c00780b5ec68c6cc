import Glibc

/// A blocking TCP connection to this machine, for what no client does.
struct RawSocket {
    let descriptor: Int32

    init(port: Int) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(UInt16(port).bigEndian)
        address.sin_addr = in_addr(s_addr: in_addr_t(UInt32(0x7f00_0001).bigEndian))
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard descriptor >= 0, result == 0 else { throw RawSocketError(number: errno) }
        var timeout = timeval(tv_sec: 10, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &timeout, socklen_t(MemoryLayout<timeval>.size))
    }

    func write(_ bytes: some Collection<UInt8>) {
        let bytes = Array(bytes)
        _ = send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
    }

    /// Reads until the text has come, or the end, or 10 s are over.
    func read(until text: String) -> String {
        String(decoding: readBytes(until: text), as: UTF8.self)
    }

    func readBytes(until text: String) -> [UInt8] {
        var heard: [UInt8] = []
        while !String(decoding: heard.suffix(4_096), as: UTF8.self).contains(text) {
            let some = readSome()
            guard !some.isEmpty else { break }
            heard += some
        }
        return heard
    }

    /// What has come; waits for it until the end, or 10 s are over.
    func readSome() -> [UInt8] {
        var chunk = [UInt8](repeating: 0, count: 65_536)
        let count = recv(descriptor, &chunk, chunk.count, 0)
        return count > 0 ? Array(chunk[..<count]) : []
    }

    /// Ends with a reset, as a crashed peer does.
    func reset() {
        var linger = linger(l_onoff: 1, l_linger: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
        close(descriptor)
    }

    func end() {
        close(descriptor)
    }

    static let upgrade = Array(
        ("GET /socket.io/?EIO=4&transport=websocket HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
            + "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
            .utf8)

    /// A masked text frame of a client's, whose mask is zero.
    static func frame(_ text: String) -> [UInt8] {
        let payload = Array(text.utf8)
        precondition(payload.count < 126, "a short frame is expected")
        return [0x81, 0x80 | UInt8(payload.count), 0, 0, 0, 0] + payload
    }
}

struct RawSocketError: Error {
    let number: Int32
}
