import FoundationEssentials
import Logging
import RedisClient
import TestSupport
import Testing

@testable import RejoinServer

@Suite("Configuration")
struct ConfigurationTests {
    private func read(
        _ arguments: [String] = [], environment: [String: String] = [:]
    ) throws -> RejoinConfiguration {
        var arguments = arguments
        let flags = try ConfigurationFlags(extractingFrom: &arguments)
        #expect(arguments.isEmpty)
        return try RejoinConfiguration(ConfigurationReader(flags: flags, environment: environment))
    }

    private func complaint(_ arguments: [String] = [], environment: [String: String] = [:]) -> String {
        do {
            _ = try read(arguments, environment: environment)
            return ""
        } catch {
            return "\(error)"
        }
    }

    @Test("nothing set gives the defaults of the contract")
    func defaults() throws {
        let configuration = try read()
        #expect(configuration.node.host == "127.0.0.1")
        #expect(configuration.node.port == 8080)
        #expect(configuration.node.adminPort == 9090)
        #expect(configuration.node.name == nil)
        #expect(configuration.node.drain == .seconds(20))
        #expect(configuration.data == ".rejoin")
        #expect(configuration.redis == nil)
        #expect(configuration.redisPrefix == "rejoin:")
        #expect(configuration.accounts.url == "sqlite:.rejoin/accounts.db")
        #expect(!configuration.accounts.isRegistrationOpen)
        #expect(configuration.browsers.origins == nil)
        #expect(configuration.sessions.idle == .seconds(14 * 86_400))
        #expect(configuration.sessions.maximum == .seconds(90 * 86_400))
        #expect(configuration.sessions.roomIdle == .seconds(7 * 86_400))
        #expect(configuration.sessions.presenceGrace == .seconds(60))
        #expect(configuration.sockets.pingInterval == .seconds(25))
        #expect(configuration.sockets.pingTimeout == .seconds(20))
        #expect(configuration.sockets.maximumPayload == 65_536)
        #expect(configuration.sockets.compressionThreshold == nil)
        #expect(configuration.limits.messagesPerSecond == 20)
        #expect(configuration.limits.handshakesPerSecond == 4_000)
        #expect(configuration.limits.login.window == .seconds(900))
        #expect(configuration.limits.passwordBytes == 8...256)
        #expect(configuration.limits.room.bytes == 262_144)
        #expect(configuration.log.level == .info)
        #expect(configuration.log.format == .text)
        #expect(configuration.warnings == [])
    }

    @Test("flags override the environment, the environment overrides the file, the file overrides defaults")
    func precedence() throws {
        let file = try TemporaryFile(
            """
            port: 1001
            admin: {port: 1002}
            session.idle: 1h
            max-payload: 2048
            origins: [https://a.example, "https://b.example:443"]
            """)
        let configuration = try read(
            ["--config", file.path, "--port=3001"],
            environment: ["REJOIN_PORT": "2001", "REJOIN_ADMIN_PORT": "2002"])
        #expect(configuration.node.port == 3001)
        #expect(configuration.node.adminPort == 2002)
        #expect(configuration.sessions.idle == .seconds(3600))
        #expect(configuration.sockets.maximumPayload == 2048)
        #expect(configuration.browsers.origins == ["https://a.example", "https://b.example"])
    }

    @Test("compression is off until it is asked for, and its threshold has a default")
    func compression() throws {
        func threshold(_ environment: [String: String]) throws -> Int? {
            try read([], environment: environment).sockets.compressionThreshold
        }
        #expect(try threshold(["REJOIN_COMPRESSION": "true"]) == 1_024)
        #expect(try threshold(["REJOIN_COMPRESSION": "true", "REJOIN_COMPRESSION_THRESHOLD": "64"]) == 64)
        #expect(try threshold(["REJOIN_COMPRESSION_THRESHOLD": "64"]) == nil)
        #expect(throws: ConfigurationError.self) { try threshold(["REJOIN_COMPRESSION_THRESHOLD": "63"]) }
        #expect(throws: ConfigurationError.self) { try threshold(["REJOIN_COMPRESSION": "deflate"]) }
    }

    @Test("every key has one name in each place, and they follow from each other")
    func names() throws {
        let keys = ConfigurationKey.all
        #expect(Set(keys.map(\.environmentName)).count == keys.count)
        #expect(Set(keys.map(\.flag)).count == keys.count)
        #expect(ConfigurationKey.redisURL.environmentName == "REJOIN_REDIS_URL")
        #expect(ConfigurationKey.redisURL.flag == "--redis-url")
        #expect(ConfigurationKey.sessionsPerUser.environmentName == "REJOIN_SESSIONS_PER_USER")
        #expect(
            ConfigurationKey.limitLoginAccountAddress.environmentName == "REJOIN_LIMIT_LOGIN_ACCOUNT_ADDRESS")
    }

    @Test("every key can be given as a flag, in the environment and in the file", arguments: ConfigurationKey.all)
    func everyKey(_ key: ConfigurationKey) throws {
        var arguments = ["\(key.flag)=\u{0}"]
        let flags = try ConfigurationFlags(extractingFrom: &arguments)
        #expect(arguments.isEmpty && flags.values == [key.name: "\u{0}"])
        let file = try TemporaryFile("\(key.name): text")
        var none: [String] = ["--config", file.path]
        let fromFile = try ConfigurationReader(flags: ConfigurationFlags(extractingFrom: &none), environment: [:])
        #expect(fromFile.isSet(key))
        let fromEnvironment = try ConfigurationReader(
            flags: ConfigurationFlags(), environment: [key.environmentName: "text"])
        #expect(fromEnvironment.isSet(key) && fromEnvironment.warnings.isEmpty)
    }

    @Test("the command's own arguments are left to the command")
    func foreignArguments() throws {
        var arguments = ["up", "--nodes", "3", "--port", "9", "--json", "--", "--port", "1"]
        let flags = try ConfigurationFlags(extractingFrom: &arguments)
        #expect(arguments == ["up", "--nodes", "3", "--json", "--", "--port", "1"])
        #expect(flags.values == ["port": "9"])
    }

    @Test("a boolean flag needs no value, and takes one")
    func booleanFlags() throws {
        #expect(try read(["--insecure-login"]).accounts.allowsInsecureLogin)
        #expect(try read(["--insecure-login"]).warnings.first?.hasPrefix("REJOIN_INSECURE_LOGIN is true") == true)
        #expect(try read([]).warnings == [])
        #expect(try read(["--insecure-login", "true"]).accounts.allowsInsecureLogin)
        #expect(try !read(["--insecure-login=no"]).accounts.allowsInsecureLogin)
    }

    @Test("a flag without its value names what is expected")
    func missingValue() {
        #expect(complaint(["--port"]) == "port: --port needs a value, expected a whole number from 0 to 65535")
        #expect(complaint(["--port", "--host", "a"]).hasPrefix("port: --port needs a value"))
        #expect(complaint(["--config"]) == "--config needs a value, expected a YAML file")
    }

    @Test(
        "a wrong value is refused in one line that names key, value, origin and what is expected",
        arguments: [
            ("REJOIN_PORT", "70000", #"port: "70000" from REJOIN_PORT is not valid, expected a whole number"#),
            ("REJOIN_PORT", "0x10", #"port: "0x10" from REJOIN_PORT"#),
            ("REJOIN_NODE", "Node-1", #"node: "Node-1" from REJOIN_NODE is not valid, expected 1 to 8"#),
            ("REJOIN_DRAIN", "20", #"drain: "20" from REJOIN_DRAIN is not valid, expected a duration"#),
            ("REJOIN_DRAIN", "-1s", "drain: "), ("REJOIN_DRAIN", "99999999999999999999d", "drain: "),
            ("REJOIN_DRAIN", "9223372036854775807d", "drain: "), ("REJOIN_DRAIN", "1.5s", "drain: "),
            ("REJOIN_REGISTRATION", "yes", #"registration: "yes" from REJOIN_REGISTRATION"#),
            ("REJOIN_LOG_LEVEL", "loud", "log.level: "), ("REJOIN_LOG_FORMAT", "xml", "log.format: "),
            ("REJOIN_ORIGINS", "example.org", "origins: "), ("REJOIN_ORIGINS", "*", "origins: "),
            ("REJOIN_ORIGINS", "https://a.example/path", "origins: "),
            ("REJOIN_TRUSTED_PROXIES", "10.0.0.0/33", "trusted-proxies: "),
            ("REJOIN_TRUSTED_PROXIES", "proxy", "trusted-proxies: "),
            ("REJOIN_ADVERTISE", "host", "advertise: "), ("REJOIN_ADVERTISE", "host:0", "advertise: "),
            ("REJOIN_REDIS_PREFIX", "a{b}", "redis.prefix: "),
            ("REJOIN_LIMIT_MESSAGES", "20/m", "limit.messages: "),
            ("REJOIN_MAX_PAYLOAD", "64k", "max-payload: "),
            ("REJOIN_HOST", "a\nb", "host: \"a\u{FFFD}b\" from REJOIN_HOST"),
        ])
    func wrongValues(variable: String, value: String, beginning: String) {
        let message = complaint(environment: [variable: value])
        #expect(message.hasPrefix(beginning))
        #expect(!message.contains("\n"))
        #expect(message.contains("expected "))
    }

    @Test(
        "a secret is never in the message",
        arguments: ["REJOIN_COOKIE_KEYS", "REJOIN_REDIS_URL", "REJOIN_ADMIN_TOKEN"])
    func secrets(variable: String) {
        let message = complaint(environment: [variable: "c4nary!"])
        #expect(message.contains("the value from \(variable)"))
        #expect(!message.contains("c4nary"))
    }

    @Test(
        "what this version does not support is refused with a line that says so",
        arguments: [
            ("REJOIN_REDIS_URL", "rediss+sentinel://h:1"), ("REJOIN_REDIS_URL", "redis+sentinel://a,b/m"),
            ("REJOIN_REDIS_URL", "redis+cluster://a,b"),
        ])
    func unsupported(variable: String, value: String) {
        #expect(complaint(environment: [variable: value]).contains("not supported by this version"))
    }

    @Test("accounts are in a file, in PostgreSQL, or in another program's table there")
    func accounts() throws {
        let url = "postgresql://ada:c4nary@one,two/accounts?sslmode=verify-full"
        let query = "SELECT id, name, hash FROM users WHERE lower(name) = $1"
        #expect(try read(["--accounts-url", url]).accounts.url == url)
        #expect(try read(["--accounts-url", url]).accounts.query == nil)
        #expect(try read(["--accounts-url", url, "--accounts-query", query]).accounts.query == query)
        #expect(complaint(["--accounts-query", query]).hasPrefix("accounts.query: "))
        #expect(complaint(["--accounts-query", query]).contains("needs postgres://"))
        #expect(
            complaint(["--accounts-url", url, "--accounts-query", query, "--registration", "open"])
                .hasPrefix("registration: "))
        let unescaped = complaint(["--accounts-url", "postgres://ada:c4@nary@h/d"])
        #expect(unescaped.hasPrefix("accounts.url: the value from --accounts-url is no URL"))
        #expect(!unescaped.contains("nary"))
    }

    @Test("TLS: a certificate without a key is wrong, and a key without a certificate")
    func tls() {
        #expect(complaint(["--tls-cert", "a.pem"]).hasPrefix("tls.key: is not set"))
        #expect(complaint(["--tls-key", "a.pem"]).hasPrefix("tls.cert: is not set"))
        #expect(complaint(["--redis-tls-cert", "a.pem"]).hasPrefix("redis.tls-key: is not set"))
    }

    @Test("the files for TLS with Redis go with rediss:// only, and are read at once")
    func redisFiles() async throws {
        let authority = try await CertificateAuthority()
        let own = try await authority.issue("own")
        let tls = ["--redis-url", "rediss://h", "--redis-tls-ca"]
        #expect(
            complaint(["--redis-url", "redis://h", "--redis-tls-ca", authority.certificate])
                .hasPrefix("redis.tls-ca: is for TLS only, expected rediss://"))
        #expect(complaint(tls + ["/nowhere"]).hasPrefix("redis.tls-ca: /nowhere cannot be read"))
        #expect(complaint(tls + [own.key]).hasSuffix("expected a PEM file"))
        let mismatch = ["--redis-tls-cert", authority.certificate, "--redis-tls-key", own.key]
        #expect(complaint(tls + [authority.certificate] + mismatch).hasPrefix("redis.tls-key: "))
        let pair = ["--redis-tls-cert", own.certificate, "--redis-tls-key", own.key]
        let redis = try read(tls + [authority.certificate] + pair).redis
        #expect(
            redis?.tls
                == RedisTLS(authorities: authority.certificate, certificate: own.certificate, key: own.key))
    }

    @Test(
        "values that contradict each other are refused",
        arguments: [
            (["--session-idle", "91d"], "session.idle: "),
            (["--port", "9090"], "admin.port: "),
            (["--limit-room-field-bytes", "300000"], "limit.room-field-bytes: "),
            (["--limit-socket-queue", "100000"], "limit.socket-queue: "),
            (["--limit-password-minimum", "300"], "limit.password-minimum: "),
            (["--max-connections", "9999999"], "max-connections: "),
        ])
    func contradictions(arguments: [String], beginning: String) {
        #expect(complaint(arguments).hasPrefix(beginning))
    }

    @Test("serve without a Redis says how to give one")
    func noRedis() throws {
        let error = #expect(throws: ConfigurationError.self) { try read().requireRedis() }
        #expect(error?.key == "redis.url")
        #expect(error?.message.contains("--redis-url") == true)
    }

    @Test("a Redis URL is read with the settings around it")
    func redis() throws {
        let configuration = try read(
            ["--redis-url", "redis://:pw@example.org:7000/2", "--redis-command-timeout", "250ms"])
        let redis = try configuration.requireRedis()
        #expect(configuration.redisAddress == HostAndPort(host: "example.org", port: 7000))
        #expect(redis.commandTimeout == .milliseconds(250))
        #expect(configuration.redisURL == "redis://:pw@example.org:7000/2")
    }

    @Test("an unknown variable is a warning with the name that may be meant; an empty one sets nothing")
    func oddEnvironment() throws {
        let configuration = try read(
            environment: ["REJOIN_REDIS_ULR": "x", "REJOIN_SERVICE_HOST": "y", "REJOIN_PORT": "", "OTHER": "z"])
        #expect(configuration.node.port == 8080)
        #expect(
            configuration.warnings == [
                "REJOIN_REDIS_ULR is no setting, REJOIN_REDIS_URL may be meant", "REJOIN_SERVICE_HOST is no setting",
            ])
    }

    @Test(
        "a file that is wrong is refused",
        arguments: [
            ("redis: {ulr: x}", "unknown key redis.ulr, redis.url may be meant"),
            ("max-payload: 2048\nmax_payload: 4096", "max-payload is given twice"),
            ("- a\n- b", "not a YAML file"), ("a: [", "not a YAML file"), ("port: [{a: 1}]", "not a YAML file"),
        ])
    func wrongFile(contents: String, problem: String) throws {
        let file = try TemporaryFile(contents)
        let message = complaint(["--config", file.path])
        #expect(message.hasPrefix(file.path) && message.contains(problem) && !message.contains("\n"))
    }

    @Test(
        "of a file that is no YAML the place is told, never what stands there",
        arguments: [
            ("redis:\n  url: [redis://u:canary@h\n", ": line 3, column 1"),
            ("admin:\n  token: canary: x\n", ": line 2, column 16"),
            ("cookie-keys: canary\ncookie-keys: canary\n", ""),
        ])
    func secretInWrongFile(contents: String, place: String) throws {
        let file = try TemporaryFile(contents)
        #expect(complaint(["--config", file.path]) == "\(file.path): not a YAML file of keys and values\(place)")
    }

    @Test("an empty file sets nothing, a missing one is refused")
    func emptyAndMissingFile() throws {
        let file = try TemporaryFile("\n  \n")
        #expect(try read(["--config", file.path]).node.port == 8080)
        #expect(complaint(["--config", "/nonexistent/rejoin.yaml"]).contains("cannot be read"))
    }

    @Test("cookie keys are base64 of at least 32 bytes, the first one first")
    func cookieKeys() throws {
        let one = Data(repeating: 1, count: 32).base64EncodedString()
        let two = Data(repeating: 2, count: 48).base64EncodedString()
        let keys = try read(environment: ["REJOIN_COOKIE_KEYS": "\(one), \(two)"]).browsers.cookieKeys
        #expect(keys == [[UInt8](repeating: 1, count: 32), [UInt8](repeating: 2, count: 48)])
        let short = Data(repeating: 1, count: 31).base64EncodedString()
        #expect(complaint(environment: ["REJOIN_COOKIE_KEYS": short]).hasPrefix("cookie-keys: "))
    }

    @Test("help and documentation name every key")
    func help() {
        for key in ConfigurationKey.all {
            #expect(ConfigurationHelp.text.contains(key.flag + " (default"))
            #expect(ConfigurationHelp.markdown.contains("| `\(key.environmentName)` |"))
        }
    }
}

/// A file that is there as long as the value.
private final class TemporaryFile {
    let path: String

    init(_ contents: String) throws {
        path = FileManager.default.temporaryDirectory.path + "/rejoin-\(UUID().uuidString).yaml"
        try contents.write(toFile: path, atomically: true, encoding: .utf8)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}
