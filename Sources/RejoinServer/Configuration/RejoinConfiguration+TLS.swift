import RedisClient

/// What is encrypted, and by which files.
extension RejoinConfiguration {
    /// The files of the public listener, which are read when the node starts.
    static func tls(_ reader: ConfigurationReader) throws(ConfigurationError) -> Node.TLS? {
        guard let (certificate, key) = try pair(reader, .tlsCert, .tlsKey) else { return nil }
        return Node.TLS(certificate: certificate, key: key)
    }

    /// Reads the files of the public listener, as a node does when it starts.
    ///
    /// - Throws: The key of the first that cannot be used.
    package func checkTLS() throws(ConfigurationError) {
        _ = try NodeParts.tls(self)
    }

    /// The files for Redis, read to see that they can be.
    ///
    /// - Parameter isTLS: whether the URL says `rediss://`: beside another one the files would be for nothing. `nil`: there is
    ///   no URL, and one may come yet.
    static func redisTLS(
        _ reader: ConfigurationReader, isTLS: Bool?
    ) throws(ConfigurationError) -> RedisTLS? {
        let authorities = try reader.optionalText(.redisTLSCA)
        let files = try pair(reader, .redisTLSCert, .redisTLSKey)
        guard let isTLS else { return nil }
        guard isTLS else {
            for key in [ConfigurationKey.redisTLSCA, .redisTLSCert] where reader.isSet(key) {
                throw ConfigurationError(key: key, "is for TLS only, expected rediss://... in redis.url beside it")
            }
            return nil
        }
        let tls = RedisTLS(authorities: authorities, certificate: files?.certificate, key: files?.key)
        do {
            try tls.check()
        } catch {
            let key: ConfigurationKey =
                switch error.file {
                case .authorities: .redisTLSCA
                case .certificate: .redisTLSCert
                case .key: .redisTLSKey
                }
            throw ConfigurationError(key: key, "\(error.message), expected \(key.kind.expected)")
        }
        return tls
    }

    /// A certificate and its key: both are set, or none is.
    private static func pair(
        _ reader: ConfigurationReader, _ certificate: ConfigurationKey, _ key: ConfigurationKey
    ) throws(ConfigurationError) -> (certificate: String, key: String)? {
        switch (try reader.optionalText(certificate), try reader.optionalText(key)) {
        case (let first?, let second?): return (first, second)
        case (nil, nil): return nil
        case (_?, nil):
            throw ConfigurationError(
                key: key, "is not set, expected \(key.kind.expected) beside \(certificate.name)")
        case (nil, _?):
            throw ConfigurationError(
                key: certificate, "is not set, expected \(certificate.kind.expected) beside \(key.name)")
        }
    }
}
