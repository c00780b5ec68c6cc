import EngineIO
import FoundationEssentials
import Logging
import ServiceLifecycle
import UnixSignals

/// Reads the certificate of the public listener anew at every SIGHUP, and says when it runs out.
struct CertificateReload: Service {
    /// Who has so little time left is warned, in seconds.
    private static let shortly = 7 * 86_400

    /// nil: there is no TLS, and the signal changes nothing.
    let tls: EngineTLS?
    let logger: Logger

    func run() async throws {
        if let tls { warn(of: tls) }
        for await _ in await UnixSignalsSequence(trapping: .sighup).cancelOnGracefulShutdown() {
            reload()
        }
    }

    private func reload() {
        guard let tls else {
            logger.info("no certificate to reload: the public listener has no tls")
            return
        }
        do throws(EngineTLS.FileError) {
            try tls.reload()
        } catch {
            logger.error(
                "the certificate was not reloaded, the one before stays in use",
                metadata: ["error": "\(error.file == .key ? "tls.key" : "tls.cert"): \(error.message)"])
            return
        }
        logger.info("the certificate was reloaded", metadata: ["expires": "\(Self.date(tls.expiry))"])
        warn(of: tls)
    }

    private func warn(of tls: EngineTLS) {
        let left = Double(tls.expiry) - Date().timeIntervalSince1970
        guard left < Double(Self.shortly) else { return }
        logger.warning(
            left > 0 ? "the certificate expires within 7 days" : "the certificate has expired, clients will refuse it",
            metadata: ["expires": "\(Self.date(tls.expiry))"])
    }

    private static func date(_ seconds: Int) -> String {
        Date(timeIntervalSince1970: Double(seconds)).formatted(.iso8601)
    }
}
