import FoundationEssentials

/// A key set in a file, which is replaced when keys change.
///
/// It is read as a whole every time, not looked at for its modification time: a link to it may have been moved.
struct KeyFile: KeySource, KeyReader {
    let path: String
    var times = KeyRefreshTimes(
        usual: .seconds(60), betweenMisses: .seconds(1), firstRetry: .seconds(1), lastRetry: .seconds(5))

    var description: String { path }

    func withReader(_ body: @Sendable (any KeyReader) async throws -> Void) async throws {
        try await body(self)
    }

    func read() async throws(JSONWebTokenError) -> PublishedKeys {
        guard let bytes = FileManager.default.contents(atPath: path) else {
            throw JSONWebTokenError(.unavailable, "the file cannot be read")
        }
        guard bytes.count <= KeySetDocument.maximumBytes else {
            throw JSONWebTokenError(.unavailable, "the file is larger than \(KeySetDocument.maximumBytes) bytes")
        }
        return PublishedKeys(bytes: bytes)
    }
}
