import FoundationEssentials
import RejoinServer

/// The configuration as a command sees it: flags, environment, file, and an `up` cluster on this machine.
enum Settings {
    /// The settings among the arguments.
    @TaskLocal static var flags = ConfigurationFlags()

    /// The layers as they were given.
    static func reader() throws -> ConfigurationReader {
        try ConfigurationReader(flags: flags, environment: ProcessInfo.processInfo.environment)
    }

    /// The configuration as it was given.
    static func configuration() throws -> RejoinConfiguration {
        try RejoinConfiguration(reader())
    }

    /// The configuration, with the Redis of the `up` cluster that lives in the data folder when no other is given.
    static func clusterConfiguration() throws -> RejoinConfiguration {
        let reader = try reader()
        let configuration = try RejoinConfiguration(reader)
        guard configuration.redis == nil, let cluster = try ClusterFile.living(inData: configuration.data) else {
            return configuration
        }
        var environment = ProcessInfo.processInfo.environment
        environment[ConfigurationKey.redisURL.environmentName] = cluster.redisURL
        return try RejoinConfiguration(ConfigurationReader(flags: flags, environment: environment))
    }

    /// The configuration of a command that is nothing without a cluster.
    static func requiredClusterConfiguration() throws -> RejoinConfiguration {
        let configuration = try clusterConfiguration()
        guard configuration.redis != nil else {
            throw ConfigurationError(
                key: .redisURL,
                "no cluster is found: expected redis://… by REJOIN_REDIS_URL or --redis-url, or a `rejoin up` that "
                    + "runs on the data folder \(configuration.data) (--data names another one)")
        }
        return configuration
    }
}
