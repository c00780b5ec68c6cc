import FoundationEssentials
import RejoinServer

/// What `up` starts, worked out before anything is started.
struct UpPlan {
    let configuration: RejoinConfiguration
    /// Absolute path of the data folder.
    let data: String
    let nodes: Int
    /// How many players without people.
    let bots: Int
    /// Whether what dies is started again.
    let restarts: Bool
    /// This program.
    let executable: String
    /// What the nodes run: this program, or a game server of somebody's own.
    let nodeProgram: String
    /// Whether it is another than this one.
    var isOwnGame: Bool { nodeProgram != executable }
    /// `haproxy`, when it is installed.
    let haproxy: String?
    /// The certificate of HAProxy, which ends TLS: behind it, on this machine's loopback, the nodes speak plain HTTP. `nil`
    /// without HAProxy, when the nodes have it themselves, and when none is given.
    let proxyTLS: RejoinConfiguration.Node.TLS?
    /// `redis-server`, unless a Redis is given.
    let redisServer: String?
    /// `setpriv`, by which children die with this process.
    let setpriv: String?
    /// The environment of every node, without what differs between nodes.
    private let environment: [String: String]

    init(
        reader: ConfigurationReader, flags: ConfigurationFlags, nodes: Int, bots: Int, program: String?,
        restarts: Bool
    ) throws {
        var configuration = try RejoinConfiguration(reader)
        haproxy = Path.find("haproxy")
        // HAProxy takes no port by itself.
        if haproxy != nil, configuration.node.port == 0 { configuration.node.port = try LoopbackPort.free() }
        self.configuration = configuration
        self.nodes = nodes
        self.bots = bots
        self.restarts = restarts
        data = Path.absolute(configuration.data)
        executable = try Path.executable()
        nodeProgram = program.map(Path.absolute) ?? executable
        if let obstacle = Path.obstacle(toRunning: nodeProgram) {
            throw Failure("--program \(nodeProgram) cannot be started: \(obstacle)")
        }
        setpriv = Path.find("setpriv")
        redisServer = Path.find("redis-server")
        guard configuration.redis != nil || redisServer != nil else {
            throw Failure(
                "redis-server is not installed: `apt-get install redis-server`, or give a Redis by REJOIN_REDIS_URL")
        }
        proxyTLS = haproxy == nil ? nil : configuration.node.tls
        try configuration.checkTLS()
        if bots > 0, configuration.node.tls != nil, haproxy == nil {
            throw Failure("--bots speak no TLS: install haproxy, which speaks it for the nodes, or leave tls.cert out")
        }
        var environment = Self.environment(
            reader: reader, flags: flags, configuration: configuration, data: data, nodes: nodes,
            isProxied: haproxy != nil)
        if proxyTLS != nil {
            // The file names the certificate too, and nothing in the environment takes a key away from it.
            environment["REJOIN_CONFIG"] = nil
            for (name, value) in reader.environmentOfFile where environment[name]?.isEmpty != false {
                environment[name] = value
            }
            for key in [ConfigurationKey.tlsCert, .tlsKey, .advertise] { environment[key.environmentName] = nil }
        }
        if configuration.redis == nil { Self.removeRedisFiles(from: &environment) }
        self.environment = environment
    }

    /// The environment of one node. Secrets are here and never in arguments, which other users can see.
    ///
    /// - Parameters:
    ///   - name: `n1`, `n2`, …
    ///   - ports: Those it had before; 0 for any free one.
    func environment(node name: String, redisURL: String, ports: (public: Int, admin: Int)) -> [String: String] {
        var environment = environment
        environment["REJOIN_NODE"] = name
        environment["REJOIN_REDIS_URL"] = redisURL
        environment["REJOIN_PORT"] = "\(ports.public)"
        environment["REJOIN_ADMIN_PORT"] = "\(ports.admin)"
        return environment
    }

    /// The environment of the bots: they need the accounts.
    var environmentOfBots: [String: String] {
        var environment = environment
        // They are clients, and know no Redis.
        environment["REJOIN_REDIS_URL"] = nil
        Self.removeRedisFiles(from: &environment)
        return environment
    }

    /// Without a Redis by TLS they are for nothing, which is refused.
    private static func removeRedisFiles(from environment: inout [String: String]) {
        for key in [ConfigurationKey.redisTLSCA, .redisTLSCert, .redisTLSKey] {
            environment[key.environmentName] = nil
        }
    }

    private static func environment(
        reader: ConfigurationReader, flags: ConfigurationFlags, configuration: RejoinConfiguration, data: String,
        nodes: Int, isProxied: Bool
    ) -> [String: String] {
        var environment = ProcessInfo.processInfo.environment
        for key in ConfigurationKey.all {
            if let value = flags.values[key.name] { environment[key.environmentName] = value }
        }
        if let file = flags.file { environment["REJOIN_CONFIG"] = Path.absolute(file) }
        environment["REJOIN_DATA"] = data
        environment["REJOIN_HOST"] = "127.0.0.1"
        environment["REJOIN_ADMIN_HOST"] = "127.0.0.1"
        // Under one address for all of them they would not find each other.
        environment["REJOIN_ADVERTISE"] = nil
        if !reader.isSet(.registration), !reader.isSet(.accountsQuery) { environment["REJOIN_REGISTRATION"] = "open" }
        if !reader.isSet(.threads) {
            let cores = ProcessInfo.processInfo.activeProcessorCount
            environment["REJOIN_THREADS"] = "\(max(1, min(4, cores / nodes)))"
        }
        if isProxied {
            let given = configuration.browsers.trustedProxies.map(\.description)
            environment["REJOIN_TRUSTED_PROXIES"] = (["127.0.0.1"] + given).joined(separator: ",")
        }
        return environment
    }
}
