/// Asks again and again until the condition holds; a test's only way to wait.
///
/// - Parameters:
///   - timeout: how long to ask; 10 s by default.
///   - condition: asked about every 5 ms.
/// - Throws: `TestSupportError` with the caller's place when the condition did not hold in time, and what the condition
///   throws.
public func eventually(
    timeout: Duration = .seconds(10), _ what: String = "the condition", isolation: isolated (any Actor)? = #isolation,
    fileID: String = #fileID, line: Int = #line, _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + timeout
    while true {
        if try await condition() { return }
        guard ContinuousClock.now < deadline else {
            throw TestSupportError("\(what) did not hold within \(timeout) (\(fileID):\(line))")
        }
        try await Task.sleep(for: .milliseconds(5))
    }
}
