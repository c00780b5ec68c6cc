/// What every benchmark needs beside its own settings.
public struct BenchContext: Sendable {
    public let target: BenchTarget
    /// Event loops of the generator, 1 to 64.
    public let clientThreads: Int
    /// How the server is spoken to; nil: it is Rejoin.
    public let dialect: Dialect?
    public let progress: BenchProgress

    public init(target: BenchTarget, clientThreads: Int, dialect: Dialect? = nil, progress: BenchProgress) {
        self.target = target
        self.clientThreads = clientThreads
        self.dialect = dialect
        self.progress = progress
    }
}
