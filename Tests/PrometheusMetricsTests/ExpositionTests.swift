import CoreMetrics
import PrometheusMetrics
import Testing

@Suite("PrometheusRegistry, exposition")
struct ExpositionTests {
    let registry = PrometheusRegistry()

    @Test("an empty registry tells only that nothing was refused")
    func empty() {
        #expect(
            self.registry.text == """
                # HELP metrics_series_refused_total \
                Metrics that are not shown: too many series, or a name that is taken.
                # TYPE metrics_series_refused_total counter
                metrics_series_refused_total{reason="limit"} 0
                metrics_series_refused_total{reason="type"} 0

                """)
    }

    @Test("counters, gauges, recorders and timers, to the byte")
    func everything() {
        self.registry.describe(name: "rejoin.acts", help: "Acts that were \"applied\",\nby C:\\game.")
        self.registry.describe(name: "rejoin_frame_bytes", help: "Size of a frame.", buckets: [16, 1, 4, 4, .infinity])
        self.registry.describe(name: "rejoin_login_seconds", help: "Time of a login.", buckets: [0.005, 0.5])
        Counter(label: "rejoin.acts", dimensions: [("game", "arena")], factory: self.registry).increment(by: 3)
        Counter(label: "rejoin.acts", dimensions: [("game", "a\\b\"c\nd")], factory: self.registry).increment()
        FloatingPointCounter(label: "cpu_total", factory: self.registry).increment(by: 0.25)
        let sockets = Meter(label: "rejoin_sockets", factory: self.registry)
        sockets.set(10)
        sockets.decrement(by: 2.5)
        Gauge(label: "rejoin_depth", factory: self.registry).record(-7)
        let frames = Recorder(label: "rejoin_frame_bytes", factory: self.registry)
        for size in [0, 1, 2, 16, 17] { frames.record(size) }
        let login = Timer(label: "rejoin_login", dimensions: [("result", "ok")], factory: self.registry)
        login.recordMilliseconds(5)
        login.recordSeconds(2)
        self.registry.sample("rejoin_rooms", "Rooms that have members.") { 12 }

        #expect(
            self.registry.textWithoutRefused == #"""
                # HELP cpu_total cpu total
                # TYPE cpu_total counter
                cpu_total 0.25
                # HELP rejoin_acts_total Acts that were "applied",\nby C:\\game.
                # TYPE rejoin_acts_total counter
                rejoin_acts_total{game="a\\b\"c\nd"} 1
                rejoin_acts_total{game="arena"} 3
                # HELP rejoin_depth rejoin depth
                # TYPE rejoin_depth gauge
                rejoin_depth -7
                # HELP rejoin_frame_bytes Size of a frame.
                # TYPE rejoin_frame_bytes histogram
                rejoin_frame_bytes_bucket{le="1"} 2
                rejoin_frame_bytes_bucket{le="4"} 3
                rejoin_frame_bytes_bucket{le="16"} 4
                rejoin_frame_bytes_bucket{le="+Inf"} 5
                rejoin_frame_bytes_sum 36
                rejoin_frame_bytes_count 5
                # HELP rejoin_login_seconds Time of a login.
                # TYPE rejoin_login_seconds histogram
                rejoin_login_seconds_bucket{result="ok",le="0.005"} 1
                rejoin_login_seconds_bucket{result="ok",le="0.5"} 1
                rejoin_login_seconds_bucket{result="ok",le="+Inf"} 2
                rejoin_login_seconds_sum{result="ok"} 2.005
                rejoin_login_seconds_count{result="ok"} 2
                # HELP rejoin_rooms Rooms that have members.
                # TYPE rejoin_rooms gauge
                rejoin_rooms 12
                # HELP rejoin_sockets rejoin sockets
                # TYPE rejoin_sockets gauge
                rejoin_sockets 7.5

                """#)
    }

    @Test("names and labels become what Prometheus takes, and CR, LF or quotes never leave their value")
    func names() {
        Counter(
            label: "http.server requests/é", dimensions: [("1st", "x"), ("__own", "y"), ("a-b", "z")],
            factory: self.registry
        ).increment()
        Gauge(label: "9lives", dimensions: [("le", "x"), ("", "e")], factory: self.registry).record(1)
        Gauge(label: "", factory: self.registry).record(1)
        Timer(label: "t", dimensions: [("le", "x")], factory: self.registry).recordSeconds(1)
        Gauge(label: "evil\n# TYPE x", dimensions: [("k\"} 1\n", "v\r\n# HELP")], factory: self.registry).record(1)
        let lines = self.registry.samples
        #expect(lines.contains(#"http_server_requests___total{_1st="x",_own="y",a_b="z"} 1"#))
        #expect(lines.contains(#"_9lives{_="e",le="x"} 1"#))
        #expect(lines.contains("_ 1"))
        #expect(lines.contains(#"t_seconds_count{exported_le="x"} 1"#))
        #expect(lines.contains("evil___TYPE_x{k___1_=\"v\r\\n# HELP\"} 1"))
    }

    @Test("numbers that are not finite have Prometheus' spelling")
    func numbers() {
        for (name, value) in [
            ("a", Double.infinity), ("b", -Double.infinity), ("c", Double.nan), ("d", 1e300), ("e", 1e-7), ("f", -0.0),
            ("g", 1_700_000_000), ("h", 1_700_000_000.5),
        ] {
            self.registry.sample(name, "A number.") { value }
        }
        #expect(
            self.registry.samples.filter { !$0.hasPrefix("metrics_") }
                == ["a +Inf", "b -Inf", "c NaN", "d 1e+300", "e 1e-07", "f 0", "g 1700000000", "h 1700000000.5"])
    }

    @Test("a sample without a value is left out, and its head too")
    func noValue() {
        self.registry.sample("gone", "A sample.") { nil }
        #expect(!self.registry.text.contains("gone"))
    }

    @Test("a sample of the same name and labels takes the older one's place; its closure may use the registry")
    func samples() {
        let registry = self.registry
        registry.sample("rooms", "Rooms.", dimensions: [("state", "open")]) { 1 }
        registry.sample("rooms", "Rooms.", dimensions: [("state", "open")]) {
            Counter(label: "asked", factory: registry).increment()
            return 2
        }
        registry.sample("rooms", "Rooms.", dimensions: [("state", "shut")]) { 3 }
        registry.sample("bytes_sent", "Bytes.", kind: .counter) { 4 }
        #expect(
            registry.samples.filter { !$0.hasPrefix("metrics_") }
                == ["bytes_sent_total 4", #"rooms{state="open"} 2"#, #"rooms{state="shut"} 3"#])
        #expect(registry.samples.contains("asked_total 1"))
    }

    @Test("the process's own figures are there and plausible")
    func process() throws {
        self.registry.addProcessMetrics()
        var values: [String: Double] = [:]
        for line in self.registry.samples where line.hasPrefix("process_") {
            let parts = line.split(separator: " ")
            values[String(parts[0])] = parts[1] == "+Inf" ? .infinity : Double(parts[1])
        }
        #expect(try #require(values["process_resident_memory_bytes"]) > 1_000_000)
        #expect(try #require(values["process_cpu_seconds_total"]) >= 0)
        #expect(try #require(values["process_open_fds"]) >= 3)
        #expect(try #require(values["process_open_fds"]) < #require(values["process_max_fds"]))
        #expect(try #require(values["process_start_time_seconds"]) > 1_500_000_000)
    }
}

extension PrometheusRegistry {
    var text: String {
        String(decoding: self.exposition(), as: UTF8.self)
    }

    /// All lines but comments.
    var samples: [String] {
        // By bytes: to Swift, CR LF is one character.
        self.exposition().split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
            .filter { !$0.hasPrefix("# ") }
    }

    var textWithoutRefused: String {
        self.text.split(separator: "\n", omittingEmptySubsequences: false)
            .filter { !$0.contains("metrics_series_refused_total") }.joined(separator: "\n")
    }
}
