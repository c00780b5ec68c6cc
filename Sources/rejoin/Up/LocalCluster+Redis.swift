import RejoinServer

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

extension LocalCluster {
    /// Starts the private Redis and waits until it serves; with a Redis of somebody else's, says so.
    func startRedis() throws {
        if let address = plan.configuration.redisAddress, let url = plan.configuration.redisURL {
            redisURL = url
            return Terminal.say("redis at \(address), as configured")
        }
        let folder = "\(plan.data)/redis"
        try Path.makePrivateFolder(folder)
        try waitForPredecessor(in: folder)
        let password = Self.randomPassword()
        // Between finding a free port and using it somebody else may take it.
        for _ in 1...5 {
            redisPort = try LoopbackPort.free()
            redisURL = "redis://:\(password)@127.0.0.1:\(redisPort)"
            if let version = try launchRedis(password: password) {
                return Terminal.say("redis \(version) on 127.0.0.1:\(redisPort), data in \(folder)")
            }
        }
        throw Failure("redis-server does not start", details: tail(of: redis))
    }

    /// Starts Redis again at the same port, with what it kept.
    func restartRedis() throws {
        let password = redisURL.dropFirst("redis://:".count).prefix { $0 != "@" }
        guard let version = try launchRedis(password: String(password)) else {
            throw Failure("redis-server does not start", details: tail(of: redis))
        }
        Terminal.say("redis \(version) on 127.0.0.1:\(redisPort) again")
    }

    /// - Returns: Its version, or `nil` when it ended at once.
    private func launchRedis(password: String) throws -> String? {
        guard let program = plan.redisServer else { throw Failure("redis-server is not installed") }
        // By standard input: a password in arguments is seen by other users, one in a file stays.
        let settings = """
            bind 127.0.0.1
            port \(redisPort)
            requirepass \(password)
            dir \(Self.quoted("\(plan.data)/redis"))
            pidfile \(Self.quoted("\(plan.data)/redis/redis.pid"))
            daemonize no
            appendonly yes
            appendfsync everysec
            save 3600 1 300 100
            maxmemory-policy noeviction

            """
        let child = try Child(
            Child.Command(
                program: program, arguments: ["-"], environment: ["PATH": "/usr/bin:/bin", "LC_ALL": "C"],
                input: settings, log: log(of: redis), signalOnParentDeath: "TERM"),
            setpriv: plan.setpriv)
        redis.child = child
        var version: String?
        try pump(until: .now + .seconds(60)) {
            if child.reap() { return true }
            version = RedisGreeting.version(port: redisPort, password: password)
            return version != nil
        }
        if version == nil && child.isAlive { throw Failure("redis-server does not answer within 60 s") }
        redis.isReady = version != nil
        return version
    }

    /// A Redis of an `up` that was killed a moment ago still writes what it has.
    private func waitForPredecessor(in folder: String) throws {
        var contents = [UInt8](repeating: 0, count: 32)
        let descriptor = open("\(folder)/redis.pid", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        let count = read(descriptor, &contents, contents.count)
        close(descriptor)
        let digits = contents.prefix(max(0, count)).prefix { (48...57).contains($0) }
        guard let pid = pid_t(String(decoding: digits, as: UTF8.self)) else { return }
        // The number may be another process's by now: Redis works in its folder.
        let isGone = {
            guard let place = realpath("/proc/\(pid)/cwd", nil) else { return true }
            defer { free(place) }
            guard let ours = realpath(folder, nil) else { return true }
            defer { free(ours) }
            return strcmp(place, ours) != 0
        }
        guard try pump(until: .now + .seconds(15), isGone) else {
            throw Failure("a redis-server (pid \(pid)) of an earlier run still works in \(folder); stop it first")
        }
    }

    private static func randomPassword() -> String {
        let alphabet = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789")
        return String((0..<43).compactMap { _ in alphabet.randomElement() })
    }

    /// A value in redis.conf.
    private static func quoted(_ text: String) -> String {
        let escaped = text.map { $0 == "\"" || $0 == "\\" ? "\\\($0)" : String($0) }.joined()
        return "\"\(escaped)\""
    }
}

/// The first words with Redis, without a client: its version once it serves.
enum RedisGreeting {
    static func version(port: Int, password: String) -> String? {
        guard let descriptor = LoopbackPort.connected(port: port) else { return nil }
        defer { close(descriptor) }
        let request = "AUTH \(password)\r\nINFO server\r\nPING\r\n"
        guard request.withCString({ write(descriptor, $0, request.utf8.count) }) == request.utf8.count else {
            return nil
        }
        var answer: [UInt8] = []
        var bytes = [UInt8](repeating: 0, count: 4_096)
        // PING is refused while Redis reads its files.
        while answer.count < 65_536 {
            let count = read(descriptor, &bytes, bytes.count)
            guard count > 0 else { return nil }
            answer += bytes[..<count]
            let lines = String(decoding: answer, as: UTF8.self).split(separator: "\r\n")
            if lines.contains("+PONG") {
                return lines.first { $0.hasPrefix("redis_version:") }.map { String($0.dropFirst(14)) }
            }
            if lines.contains(where: { $0.hasPrefix("-") }) { return nil }
        }
        return nil
    }
}
