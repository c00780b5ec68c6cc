/// How many failed logins the cluster lets through.
public struct LoginLimits: Sendable, Equatable {
    /// Failures for an account from one address: 5.
    public var perAccountAndAddress = 5
    /// Failures from one address (an IPv6 network of 64 bits counts as one): 50.
    public var perAddress = 50
    /// Failures for an account from all addresses that never logged in to it: 100.
    public var perAccountFromUnknownAddresses = 100
    /// The window in which failures count: 15 minutes.
    public var window: Duration = .seconds(15 * 60)
    /// How long the first guess beyond a limit waits: 30 s. Each further failure doubles it.
    public var firstWait: Duration = .seconds(30)
    /// The longest wait: 15 minutes.
    public var longestWait: Duration = .seconds(15 * 60)
    /// How long a guess waits for others that are being verified, when only those stand in its way: 2 s.
    public var patience: Duration = .seconds(2)
    /// How long verifying a password may take before it counts as failed: 30 s.
    public var verification: Duration = .seconds(30)
    /// How many guesses of one node may wait for others at once: 256.
    public var maximumWaiting = 256

    /// The defaults.
    public init() {}
}
