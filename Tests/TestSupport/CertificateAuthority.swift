import Glibc

/// An authority of a test, and the certificates that it signs, as PEM files in a temporary folder; made by `openssl`.
public final class CertificateAuthority: Sendable {
    /// PEM files.
    public struct Certificate: Sendable {
        /// The certificate alone, without its authority's.
        public let certificate: String
        public let key: String
    }

    /// The PEM file of the authority's own certificate.
    public var certificate: String { "\(folder)/authority.pem" }
    public let folder: String

    /// The authority's own files: a certificate that nobody else signed.
    public var own: Certificate { Certificate(certificate: certificate, key: "\(folder)/authority.key") }

    /// - Parameter names: for whom the authority's own certificate is, as `openssl` writes them.
    /// - Throws: `TestSupportError` when `openssl` is missing or fails.
    public init(for names: String = "DNS:authority") async throws {
        folder = try temporaryFolder()
        try await openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-subj",
            "/CN=authority of a test", "-addext", "subjectAltName=\(names)", "-keyout", "\(folder)/authority.key",
            "-out", "\(folder)/authority.pem")
    }

    deinit {
        removeTree(folder)
    }

    /// Signs a certificate.
    ///
    /// - Parameters:
    ///   - name: of the files.
    ///   - names: for whom it is, as `openssl` writes them: `DNS:localhost,IP:127.0.0.1` by default.
    ///   - days: how long it is valid.
    public func issue(
        _ name: String, for names: String = "DNS:localhost,IP:127.0.0.1", days: Int = 2
    ) async throws -> Certificate {
        let path = "\(folder)/\(name)"
        try await openssl(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", "/CN=\(name)",
            "-addext", "subjectAltName=\(names)", "-keyout", "\(path).key", "-out", "\(path).csr")
        try await openssl(
            "x509", "-req", "-in", "\(path).csr", "-CA", certificate, "-CAkey", "\(folder)/authority.key",
            "-CAcreateserial", "-days", "\(days)", "-copy_extensions", "copy", "-out", "\(path).pem")
        return Certificate(certificate: "\(path).pem", key: "\(path).key")
    }

    private func openssl(_ arguments: String...) async throws {
        let log = "\(folder)/openssl.log"
        let process = try ChildProcess("openssl", arguments: arguments, outputPath: log)
        guard try await process.wait(timeout: .seconds(30)) == 0 else {
            throw TestSupportError("openssl failed: \(readText(log))")
        }
    }
}

/// Puts the contents of one file behind those of another.
public func append(_ path: String, to target: String) throws {
    try write(readText(path), target, "ae")
}

/// Puts the contents of one file in the place of those of another.
public func copy(_ path: String, to target: String) throws {
    try write(readText(path), target, "we")
}

private func write(_ text: String, _ path: String, _ mode: String) throws {
    guard let file = fopen(path, mode) else { throw TestSupportError("\(path) cannot be written") }
    defer { fclose(file) }
    guard fputs(text, file) >= 0 else { throw TestSupportError("\(path) cannot be written") }
}
