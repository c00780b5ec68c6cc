#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A blocking connection to the private Redis of a benchmark, for the few words that its yardstick needs. Not for several
/// threads.
final class RedisWire {
    private let descriptor: Int32
    private var received: [UInt8] = []
    /// Where in `received` the next line begins.
    private var start = 0

    /// - Throws: `Failure` when nobody listens there, or the password is wrong.
    init(port: Int, password: String) throws {
        guard let descriptor = LoopbackPort.connected(port: port) else {
            throw Failure("no connection to the private redis-server on port \(port)")
        }
        self.descriptor = descriptor
        try send(["AUTH", password])
        let answer = try line()
        guard answer == "+OK" else { throw Failure("the private redis-server answers AUTH with \(answer)") }
    }

    deinit { close(descriptor) }

    /// Sends one command.
    func send(_ words: [String]) throws {
        let request = "*\(words.count)\r\n" + words.map { "$\($0.utf8.count)\r\n\($0)\r\n" }.joined()
        var bytes = Array(request.utf8)[...]
        while !bytes.isEmpty {
            let written = bytes.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            guard written > 0 else { throw Failure("the private redis-server takes no more commands") }
            bytes = bytes.dropFirst(written)
        }
    }

    /// The next line of what comes, without its end.
    ///
    /// - Throws: `Failure` when none comes within half a second.
    func line() throws -> String {
        while true {
            if let end = received[start...].firstIndex(of: UInt8(ascii: "\n")) {
                defer { start = end + 1 }
                let line = received[start..<end]
                return String(decoding: line.last == UInt8(ascii: "\r") ? line.dropLast() : line, as: UTF8.self)
            }
            received.removeFirst(start)
            start = 0
            var bytes = [UInt8](repeating: 0, count: 16_384)
            let count = read(descriptor, &bytes, bytes.count)
            guard count > 0, received.count < 1 << 20 else { throw Failure("the private redis-server does not answer") }
            received += bytes[..<count]
        }
    }

    /// The lines of one flat array, without lengths: `{'applied', …}`.
    func array() throws -> [String] {
        let head = try line()
        guard head.first == "*", let count = Int(head.dropFirst()) else {
            throw Failure("the private redis-server answers with \(head)")
        }
        return try (0..<count).map { _ in
            let head = try line()
            return head.first == "$" ? try line() : String(head.dropFirst())
        }
    }
}
