import FoundationEssentials
import Glibc
import NIOCore
import Testing

@testable import Bench

@Suite("Figures")
struct FigureTests {
    @Test("memory per socket is the slope, whatever the process held before")
    func slope() {
        #expect(IdleBench.slope([(1_000, 30_000_000), (2_000, 35_000_000), (3_000, 40_000_000)]) == 5_000)
        #expect(IdleBench.slope([(1_000, 30_000_000)]) == 0)
    }

    @Test("the median of three runs is the one in the middle, of two their mean")
    func median() {
        func report(_ value: Int) -> BenchReport {
            var report = BenchReport("connect")
            report.add("handshakes", "handshakes", value)
            return report
        }
        #expect(BenchReport(medianOf: [report(9), report(1), report(5)])["handshakes"] == 5)
        #expect(BenchReport(medianOf: [report(1), report(4)])["handshakes"] == 2.5)
    }

    @Test("of faults the worst run is shown, and what any run complained of is kept")
    func faults() throws {
        func report(_ lost: Int) -> BenchReport {
            var report = BenchReport("fanout")
            report.addFaults("lost", "lost", lost)
            if lost > 0 { report.complain("\(lost) were lost") }
            return report
        }
        let median = BenchReport(medianOf: [report(0), report(7), report(0), report(2), report(0)])
        #expect(median["lost"] == 7)
        #expect(median.figures.first?.isFault == true)
        #expect(median.complaints == ["7 were lost", "2 were lost"])
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        let json = String(decoding: try encoder.encode(report(2)), as: UTF8.self)
        #expect(json == #"{"complaints":["2 were lost"],"lost":2}"#)
    }

    @Test("a figure that some run lacks has no median")
    func missing() {
        var full = BenchReport("fanout")
        full.add("latency_p50_ms", "latency", 1)
        #expect(BenchReport(medianOf: [full, BenchReport("fanout")])["latency_p50_ms"] == nil)
    }

    @Test("percentiles are true to three digits, and nothing is beyond the histogram")
    func percentiles() {
        var latencies = Latencies()
        for milliseconds in 1...1_000 { latencies.record(nanoseconds: Int64(milliseconds) * 1_000_000) }
        #expect(abs(latencies.milliseconds(atPercentile: 50) - 500) < 1)
        #expect(abs(latencies.milliseconds(atPercentile: 99) - 990) < 1)
        latencies.record(nanoseconds: -5)
        latencies.record(nanoseconds: .max)
        #expect(latencies.count == 1_002)
    }

    @Test("CPU time and memory of a process are read, and a process that is gone is an error")
    func usage() throws {
        let own = try ProcessUsage(of: getpid())
        #expect(own.residentBytes > 1_000_000)
        var more = own.cpuSeconds
        while more < own.cpuSeconds + 0.05 { more = try ProcessUsage(of: getpid()).cpuSeconds }
        #expect(throws: BenchError.self) { try ProcessUsage(of: 99_999_999) }
    }

    @Test("strings and numbers are found by their key, and only whole keys count")
    func text() {
        let payload = ByteBuffer(string: #"42["session",{"xtoken":"no","token":"a.b.c","login":true,"version":12}]"#)
        #expect(MessageText.string("token", in: payload) == "a.b.c")
        #expect(MessageText.isTrue("login", in: payload))
        #expect(!MessageText.isTrue("log", in: payload))
        #expect(MessageText.integer("version", in: payload) == 12)
        #expect(MessageText.string("login", in: payload) == nil)
        #expect(MessageText.string("token", in: ByteBuffer(string: #"{"token":"#)) == nil)
    }
}
