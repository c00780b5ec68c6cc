import FoundationEssentials
import Logging

/// Looks at everything that a node needs, and says of each thing whether it is fit. It changes nothing that is anybody's.
public struct Doctor: Sendable {
    let configuration: RejoinConfiguration
    let logger: Logger

    /// - Parameter configuration: with a Redis.
    public init(_ configuration: RejoinConfiguration) {
        self.configuration = configuration
        var logger = Logger(label: "rejoin.doctor") { _ in SwiftLogNoOpLogHandler() }
        logger.logLevel = .critical
        self.logger = logger
    }

    /// What was found, in the order in which it is looked at.
    ///
    /// - Throws: ``ConfigurationError`` when no Redis is given.
    public func examine() async throws -> [Finding] {
        let (redis, storeIDs) = try await examineRedis()
        var findings = redis
        findings += await examineAccounts(storeIDs: storeIDs)
        findings.append(descriptors)
        findings += settings
        if let tls = configuration.node.tls {
            findings += CertificateFiles(certificate: tls.certificate, key: tls.key).findings(now: .now)
        }
        return findings
    }
}
