import FoundationEssentials

/// Where a provider's key set is read from.
protocol KeySource: Sendable {
    /// Where it is, for the log; without anything secret.
    var description: String { get }
    /// How often it is read when nobody says otherwise.
    var times: KeyRefreshTimes { get }

    /// Does something with a reader that is good for as long, and closes what it opened.
    func withReader(_ body: @Sendable (any KeyReader) async throws -> Void) async throws
}

/// Reads a set, once a call.
protocol KeyReader: Sendable {
    /// - Throws: `unavailable`, with what is wrong.
    func read() async throws(JSONWebTokenError) -> PublishedKeys
}

/// A key set as it was read.
struct PublishedKeys: Sendable {
    let bytes: Data
    /// How long the provider says that it is fresh; `nil`: it says nothing.
    var freshFor: Duration?
}
