import Foundation

/// A folder of its own for one test, gone with it.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        self.path = FileManager.default.temporaryDirectory.appendingPathComponent("accounts-\(UUID())").path
        try FileManager.default.createDirectory(atPath: self.path, withIntermediateDirectories: true)
    }

    deinit {
        // What is left over is in the system's temporary folder.
        try? FileManager.default.removeItem(atPath: self.path)
    }

    func file(_ name: String = "accounts.db") -> String {
        self.path + "/" + name
    }
}
