import Foundation
import Logging
import ServiceLifecycle
import TestSupport
import Testing

@testable import JSONWebTokens

@Suite("The keys of a provider")
struct ProviderKeysTests {
    /// Long enough that only what a test does has keys read, and no wait between the tokens that ask for it.
    static let times = KeyRefreshTimes(
        usual: .seconds(3_600), betweenMisses: .zero, firstRetry: .milliseconds(10), lastRetry: .milliseconds(50))

    /// Runs the keys of a source while a test does something with a verifier.
    static func with(
        _ source: any KeySource, _ body: (JSONWebTokenVerifier, ProviderKeys) async throws -> Void
    ) async throws {
        let keys = ProviderKeys(source: source, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let verifier = JSONWebTokenVerifier(JSONWebTokenVerifierTests.configuration(), keys: keys)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await keys.run() }
            defer { group.cancelAll() }
            try await eventually { keys.isRunning }
            try await body(verifier, keys)
        }
    }

    static func judge(_ signer: Signer, _ verifier: JSONWebTokenVerifier) async throws -> String {
        await JSONWebTokenVerifierTests.judge(try signer.sign(JSONWebTokenVerifierTests.fit), verifier)
    }

    /// Expects a fit token to name a user, or to be refused.
    static func expect(
        _ signer: Signer, by verifier: JSONWebTokenVerifier, _ expected: String,
        at location: SourceLocation = #_sourceLocation
    ) async throws {
        let verdict = try await judge(signer, verifier)
        #expect(verdict == expected, sourceLocation: location)
    }

    static let unknown = "invalidToken: its key is not one of the identity provider's"
    static let unavailable = "unavailable: the keys of the identity provider cannot be had at the moment; try again"

    @Test("a key that replaces another in the file works with its first token, and the other's tokens stop")
    func fileRotation() async throws {
        let file = TemporaryFile()
        let (old, new) = (try await Signer.es256(id: "old"), try await Signer.es256(id: "new"))
        try file.write(keySet(old))
        try await Self.with(KeyFile(path: file.path, times: Self.times)) { verifier, _ in
            try await Self.expect(old, by: verifier, "jwt:ada")
            try await Self.expect(new, by: verifier, Self.unknown)
            try file.write(keySet(old, new))
            try await Self.expect(new, by: verifier, "jwt:ada")
            try await Self.expect(old, by: verifier, "jwt:ada")
            try file.write(keySet(new))
            // Nobody told the node yet, until a token of a third key comes.
            try await Self.expect(old, by: verifier, "jwt:ada")
            try await Self.expect(.es256(id: "third"), by: verifier, Self.unknown)
            try await Self.expect(old, by: verifier, Self.unknown)
        }
    }

    @Test("the operator's word has the file read")
    func reload() async throws {
        let file = TemporaryFile()
        let old = try await Signer.eddsa(id: "old")
        try file.write(keySet(old))
        try await Self.with(KeyFile(path: file.path, times: Self.times)) { verifier, keys in
            try await Self.expect(old, by: verifier, "jwt:ada")
            try file.write(keySet())
            keys.reload()
            try await eventually { try await Self.judge(old, verifier) == Self.unknown }
        }
    }

    @Test("a file that is old is read again by itself")
    func age() async throws {
        let file = TemporaryFile()
        let old = try await Signer.eddsa(id: "old")
        try file.write(keySet(old))
        var times = Self.times
        times.usual = .milliseconds(20)
        try await Self.with(KeyFile(path: file.path, times: times)) { verifier, _ in
            try await Self.expect(old, by: verifier, "jwt:ada")
            try file.write(keySet())
            try await eventually { try await Self.judge(old, verifier) == Self.unknown }
        }
    }

    @Test("without a file keys are unavailable, until there is one; a broken one leaves the keys as they are")
    func brokenFile() async throws {
        let file = TemporaryFile()
        let (known, other) = (try await Signer.es256(id: "known"), try await Signer.es256(id: "other"))
        try await Self.with(KeyFile(path: file.path, times: Self.times)) { verifier, _ in
            try await Self.expect(known, by: verifier, Self.unavailable)
            try file.write(keySet(known))
            try await eventually { try await Self.judge(known, verifier) == "jwt:ada" }
            for broken in ["", "{", #"{"keys":1}"#, String(repeating: " ", count: 1_048_577)] {
                try file.write(broken)
                try await Self.expect(other, by: verifier, Self.unavailable)
                try await Self.expect(known, by: verifier, "jwt:ada")
            }
        }
    }

    @Test("tokens that wait when the keys are stopped, or come after that, are not left waiting")
    func stopped() async throws {
        let file = TemporaryFile()
        let keys = ProviderKeys(
            source: KeyFile(path: file.path), logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let verifier = JSONWebTokenVerifier(JSONWebTokenVerifierTests.configuration(), keys: keys)
        try await Self.expect(.es256(), by: verifier, Self.unavailable)
        let group = ServiceGroup(
            configuration: .init(services: [keys], logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }))
        async let running: Void = group.run()
        await group.triggerGracefulShutdown()
        try await running
        try await Self.expect(.es256(), by: verifier, Self.unavailable)
    }
}

/// A file of a test's own, gone when nothing holds it any more.
final class TemporaryFile: Sendable {
    let path = FileManager.default.temporaryDirectory.appendingPathComponent("jwks-\(UUID().uuidString).json").path

    func write(_ text: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }
}
