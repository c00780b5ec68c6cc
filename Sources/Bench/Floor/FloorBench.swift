import Glibc
import NIOCore
import NIOPosix

/// What the kernel alone asks for a delivery: one `send` of a small message to each of many loopback sockets, again and
/// again, by one thread that does nothing else. No server that sends every message by itself is cheaper.
public struct FloorBench: Sendable {
    /// Loopback connections. 1 or more.
    public var sockets: Int
    /// How often each of them is sent something. 1 or more.
    public var rounds: Int
    /// Bytes of a send, 1 to 65,536.
    public var bytes: Int
    /// Between two rounds.
    public var gap: Duration

    public init(sockets: Int, rounds: Int, bytes: Int, gap: Duration) {
        self.sockets = sockets
        self.rounds = rounds
        self.bytes = bytes
        self.gap = gap
    }

    /// - Throws: `BenchError` when sockets cannot be made, or do not take or bring what they should.
    public func run(progress: BenchProgress) async throws -> BenchReport {
        // Both ends are in this process.
        try OpenFiles.require(2 * self.sockets)
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        do {
            let report = try await self.run(progress, receivingOn: group.next())
            try await group.shutdownGracefully()
            return report
        } catch {
            try await group.shutdownGracefully()
            throw error
        }
    }

    private func run(_ progress: BenchProgress, receivingOn eventLoop: any EventLoop) async throws -> BenchReport {
        let sends = self.sockets * self.rounds
        let receiver = try await eventLoop.submit { NIOLoopBound(FloorReceiver(eventLoop), eventLoop: eventLoop) }.get()
        let listener = try LoopbackListener()
        defer { withExtendedLifetime(listener) {} }
        for first in stride(from: 0, to: self.sockets, by: 256) {
            let count = min(256, self.sockets - first)
            let port = listener.port
            try await eventLoop.flatSubmit { receiver.value.connect(count, port: port) }.get()
            for _ in 0..<count { try listener.accept() }
        }
        progress.begin("the floor: \(sends) sends", for: self.gap * self.rounds)
        let done = try await eventLoop.submit { receiver.value.expect(sends * self.bytes) }.get()
        let connections = listener.connections
        // A thread of its own: what is measured is that thread's CPU time.
        let sent = try await NIOThreadPool.singleton.runIfActive { try self.send(connections) }
        let missing = try await done.get()
        guard missing == 0 else { throw BenchError("\(missing) bytes did not come over loopback within 5 s") }
        try await eventLoop.submit { receiver.value.close() }.get()
        var report = BenchReport("floor")
        report.add("sockets", "sockets", self.sockets)
        report.add("sends", "sends", sends)
        report.add("bytes", "bytes of a send", self.bytes)
        report.add("seconds", "seconds", sent.wallSeconds)
        report.add("sends_per_cpu_second", "sends per CPU s of the sender", Double(sends) / sent.cpuSeconds)
        report.add("cpu_us_per_send", "CPU µs a send", sent.cpuSeconds / Double(sends) * 1_000_000)
        report.add("retries", "sends that found a full buffer", sent.retries)
        report.add("sender_cpu_seconds", "sender, CPU s", sent.cpuSeconds)
        return report
    }

    private struct Sent: Sendable {
        var cpuSeconds = 0.0
        var wallSeconds = 0.0
        var retries = 0
    }

    private func send(_ sockets: [Int32]) throws -> Sent {
        let message = [UInt8](repeating: UInt8(ascii: "x"), count: self.bytes)
        let begin = NIODeadline.now()
        let before = Self.threadSeconds()
        var sent = Sent()
        for round in 0..<self.rounds {
            for socket in sockets {
                while Glibc.send(socket, message, message.count, Int32(MSG_NOSIGNAL)) != message.count {
                    // A full buffer: the receiver is given time. (Part of so little is never taken.)
                    guard errno == EAGAIN || errno == EINTR else {
                        throw BenchError("send on loopback failed: \(String(cString: strerror(errno)))")
                    }
                    sent.retries += 1
                    usleep(1_000)
                }
            }
            if self.gap > .zero, round + 1 < self.rounds { usleep(UInt32(self.gap / .microseconds(1))) }
        }
        sent.cpuSeconds = Self.threadSeconds() - before
        sent.wallSeconds = (NIODeadline.now() - begin).seconds
        return sent
    }

    /// CPU time of the calling thread.
    private static func threadSeconds() -> Double {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1_000_000_000
    }
}
