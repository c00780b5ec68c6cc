import NIOCore
import NIOSSL

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// How connections to Redis are encrypted: TLS 1.2 or later, the server's certificate verified by chain and by name.
///
/// The files are read for every connection: what was renewed counts from the next one on.
public struct RedisTLS: Sendable, Equatable {
    /// One of the files.
    public enum File: Sendable, Equatable {
        case authorities, certificate, key
    }

    /// A file that cannot be used.
    public struct FileError: Error, Sendable, Equatable {
        public let file: File
        /// What is wrong with it, with its path.
        public let message: String
    }

    /// Path of a PEM file with the certificates of the authorities whose signature counts; nil, the default: those that
    /// the system trusts.
    public var authorities: String?
    /// Path of a PEM file with the certificate, and those between it and its authority, that Redis asks of its clients
    /// (`tls-auth-clients yes`); nil, the default: none is shown.
    public var certificate: String?
    /// Path of a PEM file with the private key of ``certificate``.
    public var key: String?

    public init(authorities: String? = nil, certificate: String? = nil, key: String? = nil) {
        self.authorities = authorities
        self.certificate = certificate
        self.key = key
    }

    /// Whether the files can be read and belong together, as they are now.
    public func check() throws(FileError) {
        _ = try self.context()
    }

    /// - Throws: The first file that cannot be used.
    func context() throws(FileError) -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv12
        configuration.certificateVerification = .fullVerification
        // Nobody waits long for the goodbye of a server that is gone.
        configuration.shutdownTimeout = .seconds(1)
        if let authorities = self.authorities {
            configuration.trustRoots = .certificates(try Self.certificates(authorities, .authorities))
        }
        if let certificate = self.certificate {
            configuration.certificateChain = try Self.certificates(certificate, .certificate).map { .certificate($0) }
        }
        if let key = self.key {
            configuration.privateKey = .privateKey(try Self.privateKey(key))
        }
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw self.reason(of: configuration)
        }
    }

    /// Why there is no context of files that can all be read: the key is another certificate's, or it is not for the key.
    private func reason(of configuration: TLSConfiguration) -> FileError {
        var configuration = configuration
        configuration.certificateChain = []
        configuration.privateKey = nil
        do {
            _ = try NIOSSLContext(configuration: configuration)
            return FileError(
                file: .key, message: "\(self.key ?? "the key") is not the key of \(self.certificate ?? "a certificate")"
            )
        } catch {
            return FileError(
                file: .authorities, message: "the system has no authorities that can be read (Debian's ca-certificates)"
            )
        }
    }

    private static func certificates(_ path: String, _ file: File) throws(FileError) -> [NIOSSLCertificate] {
        try self.readable(path, file)
        do {
            let certificates = try NIOSSLCertificate.fromPEMFile(path)
            if !certificates.isEmpty { return certificates }
        } catch {
            // What BoringSSL says of bytes that are no certificate helps nobody.
        }
        throw FileError(file: file, message: "\(path) holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)")
    }

    private static func privateKey(_ path: String) throws(FileError) -> NIOSSLPrivateKey {
        try self.readable(path, .key)
        do {
            return try NIOSSLPrivateKey(file: path, format: .pem)
        } catch {
            throw FileError(file: .key, message: "\(path) holds no private key in PEM form without a passphrase")
        }
    }

    private static func readable(_ path: String, _ file: File) throws(FileError) {
        guard access(path, R_OK) == 0 else {
            throw FileError(file: file, message: "\(path) cannot be read: \(String(cString: strerror(errno)))")
        }
    }
}
