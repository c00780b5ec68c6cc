import NIOSSL
import TestSupport

@testable import EngineIO

extension CertificateAuthority {
    /// TLS of a listener, by a certificate for these names.
    func listenerTLS(
        _ name: String = "listener", for names: String = "DNS:localhost,IP:127.0.0.1"
    ) async throws -> EngineTLS {
        let own = try await issue(name, for: names)
        try append(certificate, to: own.certificate)
        return try EngineTLS(certificateFile: own.certificate, keyFile: own.key)
    }

    /// What a client says that believes this authority alone.
    func client(_ change: (inout TLSConfiguration) -> Void = { _ in }) -> TLSConfiguration {
        var client = TLSConfiguration.makeClientConfiguration()
        client.trustRoots = .file(certificate)
        change(&client)
        return client
    }
}
