import RedisClient
import Testing

@Suite("The Redis URL")
struct ConfigurationTests {
    @Test(
        "host, port, user, password and database are read",
        arguments: [
            ("redis://localhost", "localhost", 6379, nil, nil, 0), ("REDIS://h:1/15", "h", 1, nil, nil, 15),
            ("redis://:p%3a%40%2F@h/", "h", 6379, nil, "p:@/", 0),
            ("redis://u:a:b@10.0.0.1:65535", "10.0.0.1", 65535, "u", "a:b", 0),
            ("redis://[::1]:6380/2", "::1", 6380, nil, nil, 2), ("redis://u:a@b@h", "h", 6379, "u", "a@b", 0),
        ] as [(String, String, Int, String?, String?, Int)])
    func valid(url: String, host: String, port: Int, user: String?, password: String?, database: Int) throws {
        let configuration = try RedisConfiguration(url: url)
        #expect(configuration.host == host)
        #expect(configuration.port == port)
        #expect(configuration.user == user)
        #expect(configuration.password == password)
        #expect(configuration.database == database)
    }

    @Test(
        "what cannot be used is refused with a message that does not repeat the password",
        arguments: [
            "", "localhost:6379", "http://h", "redis://", "redis://:6379", "redis://h:0", "redis://h:65536",
            "redis://h:+1", "redis://h:", "redis://h/x", "redis://h/-1", "redis://user@h", "redis://:%zz@h",
            "redis://:%ff@h", "redis://[::1",
            "redis://u:hunter2/x@h", "redis://u:hunter2?x@h", "redis://u:hunter2#@h", "rediss+sentinel://u:hunter2@h",
            "redis+sentinel://h1,h2/name", "redis+cluster://h1,h2",
        ])
    func invalid(url: String) async {
        let failure = await error { () throws(RedisError) in try RedisConfiguration(url: url) }
        #expect(failure?.code == .invalidConfiguration)
        #expect(failure?.isUnavailable == false)
        #expect(failure?.description.contains("hunter2") == false)
    }

    @Test("rediss:// is TLS, redis:// is none")
    func scheme() throws {
        #expect(try RedisConfiguration(url: "rediss://u:a@h:1/2").tls == RedisTLS())
        #expect("\(try RedisConfiguration(url: "REDISS://h"))" == "rediss://h:6379/0")
        #expect(try RedisConfiguration(url: "redis://h").tls == nil)
    }

    @Test("neither a description nor a dump shows the password")
    func description() throws {
        let configuration = try RedisConfiguration(url: "redis://u:hunter2@h/1")
        var dumped = ""
        dump(configuration, to: &dumped)
        #expect("\(configuration)" == "redis://u:***@h:6379/1")
        #expect(!dumped.contains("hunter2"))
        #expect(!String(reflecting: configuration).contains("hunter2"))
    }
}
