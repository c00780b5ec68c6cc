import Testing

@testable import rejoin

@Suite("HAProxy's file")
struct HAProxyConfigurationTests {
    private let servers = [
        HAProxyConfiguration.Server(name: "n1", address: "127.0.0.1:5001", adminPort: 6001),
        HAProxyConfiguration.Server(name: "n2", address: "127.0.0.1:5002", adminPort: 6002),
        HAProxyConfiguration.Server(name: "n3", address: "127.0.0.1:5003", adminPort: 6003),
        HAProxyConfiguration.Server(name: "n4", address: "127.0.0.1:5004", adminPort: 6004),
    ]

    @Test("a section's first server line is the model for every node, other lines stay")
    func rendersServers() {
        let template = """
            # server in a comment
            frontend f
                bind :8080 tfo
            backend a
                option x
                server n1 n1:8080 check port 9090 weight 5
                server n2 n2:8080 check port 9090
            backend b
                server n1 n1:8080

            """
        let expected = """
            # server in a comment
            frontend f
                bind 10.0.0.1:80 tfo
            backend a
                option x
                server n1 127.0.0.1:5001 check port 6001 weight 5
                server n2 127.0.0.1:5002 check port 6002 weight 5
            backend b
                server n1 127.0.0.1:5001
                server n2 127.0.0.1:5002

            """
        let text = HAProxyConfiguration.render(template, listener: "10.0.0.1:80", servers: Array(servers.prefix(2)))
        #expect(text == expected)
    }

    @Test("with a certificate the listener speaks TLS, and nothing else changes")
    func certificate() {
        let template = "frontend f\n    bind :8080 tfo\nbackend b\n    server n1 n1:8080"
        let plain = HAProxyConfiguration.render(template, listener: ":1", servers: servers)
        let text = HAProxyConfiguration.render(template, listener: ":1", certificate: "/a b/c.pem", servers: servers)
        let bind = "bind :1 tfo ssl crt \"/a b/c.pem\" ssl-min-ver TLSv1.2 alpn http/1.1"
        #expect(text == plain.replacing("bind :1 tfo", with: bind))
    }

    @Test("the embedded file has every node in both backends, and drops no socket of a drain")
    func embeddedTemplate() {
        let text = HAProxyConfiguration.render(
            HAProxyConfiguration.template, listener: "127.0.0.1:7777", servers: servers)
        let lines = text.split(separator: "\n").filter { !$0.contains("#") }
        #expect(lines.filter { $0.contains("bind 127.0.0.1:7777") }.count == 1)
        for server in servers {
            let line = "    server \(server.name) \(server.address) check port \(server.adminPort)"
            #expect(lines.filter { $0 == line }.count == 2)
        }
        #expect(!lines.contains { $0.contains("on-marked-down") })
        #expect(!text.contains("9090"))
    }
}
