/// What every benchmark needs beside its own settings.
public struct BenchContext: Sendable {
    public let target: BenchTarget
    /// Event loops of the generator, 1 to 64.
    public let clientThreads: Int
    /// Told what goes on, a line at a time; from any thread.
    public let progress: @Sendable (String) -> Void

    public init(
        target: BenchTarget, clientThreads: Int, progress: @escaping @Sendable (String) -> Void
    ) {
        self.target = target
        self.clientThreads = clientThreads
        self.progress = progress
    }
}
