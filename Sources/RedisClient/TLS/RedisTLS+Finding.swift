import NIOSSL

extension RedisTLS {
    /// What an error of TLS means to who runs the node; nil when it is no such error, or says nothing to act on.
    static func finding(in error: any Error) -> String? {
        if let error = error as? NIOSSLExtraError, error == .failedToValidateHostname {
            return "the certificate of redis is not for this host: the URL must name it as the certificate does"
        }
        switch error as? NIOSSLError {
        case .unableToValidateCertificate?, .noCertificateToValidate?: return Self.untrusted
        default: break
        }
        let text = "\(error)"
        return Self.findings.first { text.contains($0.word) }?.meaning
    }

    private static let untrusted =
        "the certificate of redis is not signed by an authority that is trusted here, or is out of date: "
        + "REJOIN_REDIS_TLS_CA names the authority's certificate, else those of the system count"
    private static let rejected =
        "redis does not accept this node's certificate: REJOIN_REDIS_TLS_CERT and REJOIN_REDIS_TLS_KEY must be of an "
        + "authority in its tls-ca-cert-file"
    private static let plain =
        "no TLS is spoken at this port: rediss:// needs the tls-port of redis"

    /// What BoringSSL says, and what that is.
    private static let findings: [(word: String, meaning: String)] = [
        ("CERTIFICATE_VERIFY_FAILED", untrusted),
        (
            "CERTIFICATE_REQUIRED",
            "redis asks for a client certificate (tls-auth-clients yes): REJOIN_REDIS_TLS_CERT and REJOIN_REDIS_TLS_KEY name it"
        ),
        ("ALERT_UNKNOWN_CA", rejected), ("ALERT_BAD_CERTIFICATE", rejected), ("ALERT_DECRYPT_ERROR", rejected),
        ("CERTIFICATE_EXPIRED", rejected), ("CERTIFICATE_UNKNOWN", rejected),
        ("WRONG_VERSION_NUMBER", plain), ("HTTP_REQUEST", plain), ("EOF during handshake", plain),
        ("PROTOCOL_VERSION", "redis speaks no TLS 1.2 or later"),
    ]
}
