extension PrometheusRegistry {
    /// Adds what Prometheus' own client libraries tell about the process: memory, processor time, file descriptors
    /// and start, under the names that dashboards know.
    public func addProcessMetrics() {
        self.sample("process_resident_memory_bytes", "Resident memory size in bytes.") {
            ProcessFigures.residentMemory()
        }
        self.sample(
            "process_cpu_seconds_total", "Total user and system CPU time spent in seconds.", kind: .counter
        ) {
            ProcessFigures.cpuSeconds()
        }
        self.sample("process_open_fds", "Number of open file descriptors.") {
            ProcessFigures.openFileDescriptors()
        }
        self.sample("process_max_fds", "Maximum number of open file descriptors.") {
            ProcessFigures.maximumFileDescriptors()
        }
        let start = ProcessFigures.startTime()
        self.sample("process_start_time_seconds", "Start time of the process since unix epoch in seconds.") { start }
    }
}
