import NIOSSL

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// What a listener proves by its certificate, as its two files were when they were read.
struct TLSIdentity: Sendable {
    /// The listener's own certificate first, then those between it and its authority.
    let chain: [NIOSSLCertificate]
    let key: NIOSSLPrivateKey
    /// When the first certificate of the chain that does so runs out, in seconds since 1970.
    let expiry: Int
    /// The DNS names that the certificate is for, in its order; possibly with a wildcard.
    let names: [String]

    /// Reads PEM files.
    ///
    /// - Throws: The first that cannot be used.
    init(certificateFile: String, keyFile: String) throws(EngineTLS.FileError) {
        chain = try Self.chain(certificateFile)
        key = try Self.key(keyFile)
        expiry = chain.map { Int($0.notValidAfter) }.min() ?? 0
        names = chain.first.map { Self.names(of: $0) } ?? []
    }

    /// What a client has to expect in the certificate of a listener that is reached by an address and shares this
    /// certificate; nil when there is no name in it: then it is to be for the address.
    var expectedName: String? {
        names.first.map { $0.hasPrefix("*.") ? "node" + $0.dropFirst() : $0 }
    }

    private static func chain(_ path: String) throws(EngineTLS.FileError) -> [NIOSSLCertificate] {
        try readable(path, .certificate)
        do {
            let chain = try NIOSSLCertificate.fromPEMFile(path)
            if !chain.isEmpty { return chain }
        } catch {
            // What BoringSSL says of bytes that are no certificate helps nobody.
        }
        throw EngineTLS.FileError(
            file: .certificate, message: "\(path) holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)")
    }

    private static func key(_ path: String) throws(EngineTLS.FileError) -> NIOSSLPrivateKey {
        try readable(path, .key)
        do {
            return try NIOSSLPrivateKey(file: path, format: .pem)
        } catch {
            throw EngineTLS.FileError(
                file: .key, message: "\(path) holds no private key in PEM form without a passphrase")
        }
    }

    private static func readable(_ path: String, _ file: EngineTLS.File) throws(EngineTLS.FileError) {
        guard access(path, R_OK) == 0 else {
            throw EngineTLS.FileError(
                file: file, message: "\(path) cannot be read: \(String(cString: strerror(errno)))")
        }
    }

    private static func names(of certificate: NIOSSLCertificate) -> [String] {
        certificate._subjectAlternativeNames().compactMap { name in
            guard name.nameType == .dnsName else { return nil }
            return name.contents.withUnsafeBufferPointer { bytes in
                bytes.allSatisfy { $0 > 32 && $0 < 127 } ? String(decoding: bytes, as: UTF8.self) : nil
            }
        }
    }
}
