import RedisClient
import TestSupport
import Testing

@Suite("Redis by TLS", .timeLimit(.minutes(1)))
struct TLSTests {
    /// A server that speaks TLS at a second port.
    private func withTLSServer(
        clients: String = "no", names: String = "DNS:localhost,IP:127.0.0.1", _ arguments: [String] = [],
        body: (CertificateAuthority, _ port: Int, RedisServer) async throws -> Void
    ) async throws {
        let authority = try await CertificateAuthority()
        let own = try await authority.issue("server", for: names)
        let port = freePort()
        let tls = [
            "--tls-port", "\(port)", "--tls-cert-file", own.certificate, "--tls-key-file", own.key,
            "--tls-ca-cert-file", authority.certificate, "--tls-auth-clients", clients,
        ]
        try await withRedisServer(tls + arguments) { server in
            try await body(authority, port, server)
        }
    }

    /// What a client says that cannot connect.
    private func refusal(_ url: String, _ tls: RedisTLS? = nil) async throws -> String {
        let client = try makeClient(url) {
            if let tls { $0.tls = tls }
            $0.connectTimeout = .seconds(5)
        }
        return try await running(client) {
            try await eventually { client.failure != nil }
            #expect(!client.isConnected)
            // A name in BoringSSL's source tells nobody what to do.
            #expect(client.failure?.description.contains("OPENSSL_internal") == false)
            return client.failure?.message ?? ""
        }
    }

    @Test("commands and subscriptions, by name and by address, when the authority is given")
    func works() async throws {
        try await withTLSServer(["--requirepass", "secret"]) { authority, port, server async throws in
            for host in ["localhost", "127.0.0.1"] {
                let url = "rediss://:secret@\(host):\(port)"
                let tls = RedisTLS(authorities: authority.certificate)
                try await withClient(url, configure: { $0.tls = tls }) { client async throws in
                    #expect(try await client.send("PING").string == "PONG")
                    #expect("\(client.configuration)" == "rediss://:***@\(host):\(port)/0")
                    let large = String(repeating: "x", count: 1_000_000)
                    #expect(try await client.send("ECHO", [.string(large)]).string == large)
                }
                let subscriber = try makeSubscriber(url) { $0.tls = tls }
                let events = Recorder<RedisSubscriptionEvent>()
                try await running(subscriber) {
                    try await subscriber.subscribe(.plain("news")) { events.append($0) }
                    try await server.command("-a", "secret", "--no-auth-warning", "PUBLISH", "news", "x")
                    try await eventually { events.all.count == 2 }
                }
            }
        }
    }

    @Test(
        "an authority that is not known, a certificate for another name, and a wrong password: never connected, and why"
    )
    func refused() async throws {
        try await withTLSServer(["--requirepass", "secret"]) { authority, port, _ async throws in
            let tls = RedisTLS(authorities: authority.certificate)
            let stranger = try await CertificateAuthority()
            let other = RedisTLS(authorities: stranger.certificate)
            let url = "rediss://:secret@localhost:\(port)"
            #expect(try await refusal(url).contains("not signed by an authority that is trusted here"))
            #expect(try await refusal(url, other).contains("REJOIN_REDIS_TLS_CA"))
            withExtendedLifetime(stranger) {}
            let wrong = try await refusal("rediss://:wrong@localhost:\(port)", tls)
            #expect(wrong == "redis refused the credentials")
        }
        // A certificate for the address is not one for a name: names may be made to lead to any address.
        for (host, names) in [
            ("localhost", "DNS:redis.example,IP:127.0.0.1"), ("localhost", "DNS:*.example,DNS:*.localhost"),
            ("127.0.0.1", "DNS:localhost,IP:127.0.0.2"), ("127.0.0.1", "DNS:127.0.0.1"),
        ] {
            try await withTLSServer(names: names) { authority, port, _ async throws in
                let tls = RedisTLS(authorities: authority.certificate)
                #expect(try await refusal("rediss://\(host):\(port)", tls).contains("not for this host"))
            }
        }
    }

    @Test("plain text never takes the place of TLS, nor TLS that of plain text")
    func plain() async throws {
        try await withRedisServer { server in
            let client = try makeClient("rediss://127.0.0.1:\(server.port)") { $0.connectTimeout = .milliseconds(300) }
            try await running(client) {
                try await eventually { client.failure != nil }
                #expect(client.failure?.message.contains("TLS") == true)
            }
            #expect(try await server.command("INFO", "commandstats").contains("cmdstat_ping:calls=1,"))
        }
        try await withTLSServer { _, port, _ async throws in
            #expect(try await !refusal("redis://localhost:\(port)").isEmpty)
        }
    }

    @Test("a server that asks for a certificate gets one, and says when it is none of its authority's")
    func mutual() async throws {
        try await withTLSServer(clients: "yes") { authority, port, _ async throws in
            let url = "rediss://localhost:\(port)"
            let own = try await authority.issue("client", for: "DNS:client")
            let tls = RedisTLS(authorities: authority.certificate, certificate: own.certificate, key: own.key)
            try await withClient(url, configure: { $0.tls = tls }) { client async throws in
                #expect(try await client.send("PING").string == "PONG")
            }
            let none = try await refusal(url, RedisTLS(authorities: authority.certificate))
            #expect(none.contains("asks for a client certificate"))
            let stranger = try await CertificateAuthority()
            let strange = try await stranger.issue("client", for: "DNS:client")
            let wrong = try await refusal(
                url, RedisTLS(authorities: authority.certificate, certificate: strange.certificate, key: strange.key))
            #expect(wrong.contains("does not accept this node's certificate"))
            withExtendedLifetime(stranger) {}
        }
    }

    @Test("a renewed file counts from the next connection on")
    func renewed() async throws {
        try await withTLSServer { authority, port, server async throws in
            let own = try await authority.issue("client", for: "DNS:client")
            let tls = RedisTLS(authorities: authority.certificate, certificate: own.certificate, key: own.key)
            try await withClient("rediss://localhost:\(port)", configure: { $0.tls = tls }) { client async throws in
                _ = try await authority.issue("client", for: "DNS:renewed")
                try await server.command("CLIENT", "KILL", "TYPE", "normal")
                try await eventually { (try? await client.send("PING")) != nil }
            }
        }
    }

    @Test("files that cannot be used are named")
    func files() async throws {
        let authority = try await CertificateAuthority()
        let one = try await authority.issue("one")
        let two = try await authority.issue("two")
        for (tls, file, part) in [
            (
                RedisTLS(authorities: "/nowhere.pem"), RedisTLS.File.authorities,
                "/nowhere.pem cannot be read: No such file"
            ),
            (RedisTLS(authorities: one.key), .authorities, "no certificate in PEM form"),
            (RedisTLS(authorities: "/tmp"), .authorities, "no certificate in PEM form"),
            (RedisTLS(certificate: one.key, key: one.key), .certificate, "no certificate"),
            (RedisTLS(certificate: one.certificate, key: one.certificate), .key, "no private key"),
            (RedisTLS(certificate: one.certificate, key: two.key), .key, "is not the key of"),
        ] {
            #expect { try tls.check() } throws: { error in
                guard let error = error as? RedisTLS.FileError else { return false }
                return error.file == file && error.message.contains(part)
            }
        }
    }
}
