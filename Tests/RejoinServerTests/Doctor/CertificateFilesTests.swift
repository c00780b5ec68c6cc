import Foundation
@testable import RejoinServer
import TestSupport
import Testing

@Suite("what the doctor says of certificate files")
struct CertificateFilesTests {
    private let folder: String

    /// A certificate that is valid for a hundred days, its key, and another key.
    init() throws {
        folder = try temporaryFolder()
        for name in ["own", "other"] {
            let openssl = Process()
            openssl.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            openssl.arguments = [
                "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                "\(folder)/\(name).key", "-out", "\(folder)/\(name).pem", "-days", "100", "-subj", "/CN=game.test",
            ]
            openssl.standardError = FileHandle.nullDevice
            try openssl.run()
            openssl.waitUntilExit()
            try #require(openssl.terminationStatus == 0, "openssl, of Debian's package of that name, is needed")
        }
    }

    private func verdicts(_ certificate: String, _ key: String?, after days: Double = 1) -> [Finding.Verdict] {
        CertificateFiles(certificate: "\(folder)/\(certificate)", key: key.map { "\(folder)/\($0)" })
            .findings(now: Date(timeIntervalSinceNow: days * 86_400)).map(\.verdict)
    }

    @Test("a certificate in its time with its own key is fit")
    func fit() {
        #expect(verdicts("own.pem", "own.key") == [.ok, .ok])
        #expect(verdicts("own.pem", nil) == [.ok])
    }

    @Test("before and after its time it is not, and in its last two weeks it is a warning")
    func time() {
        #expect(verdicts("own.pem", nil, after: 85) == [.ok])
        #expect(verdicts("own.pem", nil, after: 87) == [.warn])
        #expect(verdicts("own.pem", nil, after: 101) == [.fail])
        #expect(verdicts("own.pem", nil, after: -1) == [.fail])
    }

    @Test("files that are missing, or are something else, are told apart from another's key")
    func files() {
        #expect(verdicts("none.pem", "own.key") == [.fail, .ok])
        #expect(verdicts("own.pem", "none.key") == [.ok, .fail])
        #expect(verdicts("own.key", "own.key") == [.fail, .ok])
        #expect(verdicts("own.pem", "own.pem") == [.ok, .fail])
        #expect(verdicts("own.pem", "other.key") == [.ok, .fail])
    }

    @Test("a key that everybody may read is a warning")
    func rights() throws {
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: "\(folder)/own.key")
        #expect(verdicts("own.pem", "own.key") == [.ok, .warn])
    }
}
