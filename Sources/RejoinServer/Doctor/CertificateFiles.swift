import FoundationEssentials
import NIOSSL

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The certificate and the private key of the public listener, as files.
struct CertificateFiles: Sendable {
    let certificate: String
    let key: String?

    private static let warnBefore = 14 * 86_400.0

    func findings(now: Date) -> [Finding] {
        var findings = [certificateFinding(now: now)]
        if let key { findings.append(keyFinding(key)) }
        return findings
    }

    private func certificateFinding(now: Date) -> Finding {
        let check = "tls.cert"
        let expected = "a PEM file with the certificate first, valid now"
        if let obstacle = Self.obstacle(certificate) {
            return .fail(check, obstacle, expected: expected, advice: "check the path and its owner")
        }
        guard let chain = try? NIOSSLCertificate.fromPEMFile(certificate), let first = chain.first else {
            return .fail(
                check, "\(certificate) has no certificate in PEM", expected: expected,
                advice: "give the file with the whole chain")
        }
        let begin = Date(timeIntervalSince1970: Double(first.notValidBefore))
        let end = Date(timeIntervalSince1970: Double(first.notValidAfter))
        let found = "valid from \(begin.formatted(.iso8601)) to \(end.formatted(.iso8601))"
        if begin > now || end <= now {
            return .fail(check, found, expected: expected, advice: "renew it; SIGHUP lets a node read it again")
        }
        if end.timeIntervalSince(now) < Self.warnBefore {
            return .warn(
                check, found, expected: "14 days more at least",
                advice: "renew it; SIGHUP lets a node read it again")
        }
        return .ok(check, found)
    }

    private func keyFinding(_ path: String) -> Finding {
        let check = "tls.key"
        let expected = "the PEM file of the certificate's private key, for its owner alone"
        if let obstacle = Self.obstacle(path) {
            return .fail(check, obstacle, expected: expected, advice: "check the path and its owner")
        }
        guard let key = try? NIOSSLPrivateKey(file: path, format: .pem) else {
            return .fail(
                check, "\(path) has no private key in PEM", expected: expected,
                advice: "give the key without a passphrase")
        }
        if let chain = try? NIOSSLCertificate.fromPEMFile(certificate), !chain.isEmpty {
            let configuration = TLSConfiguration.makeServerConfiguration(
                certificateChain: chain.map { .certificate($0) }, privateKey: .privateKey(key))
            guard (try? NIOSSLContext(configuration: configuration)) != nil else {
                return .fail(
                    check, "\(path) is not the key of \(certificate)", expected: expected,
                    advice: "give the files that were made together")
            }
        }
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        if let rights = attributes?[.posixPermissions] as? UInt, rights & 0o007 != 0 {
            return .warn(
                check, "everybody on this machine may read \(path)", expected: expected,
                advice: "chmod 600 \(path)")
        }
        return .ok(check, "goes with the certificate")
    }

    /// Why a file cannot be read; `nil` when it can.
    private static func obstacle(_ path: String) -> String? {
        access(path, R_OK) == 0 ? nil : "\(path): \(String(cString: strerror(errno)))"
    }
}
