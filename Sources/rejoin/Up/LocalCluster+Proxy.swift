import FoundationEssentials
import RejoinServer

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

extension LocalCluster {
    /// Where players come in; `nil` without HAProxy.
    var proxyURL: String? {
        guard plan.haproxy != nil else { return nil }
        let node = plan.configuration.node
        let isLocal = ["127.0.0.1", "0.0.0.0", "::", "::1"].contains(node.host)
        return
            "\(plan.proxyTLS == nil ? "http" : "https")://\(HostAndPort(host: isLocal ? "localhost" : node.host, port: node.port))"
    }

    /// Starts HAProxy in front of the nodes and waits until it accepts; says so when it is not installed.
    func startProxy() throws {
        guard plan.haproxy != nil else {
            Terminal.say(
                "haproxy is not installed (apt-get install haproxy): nothing listens on port "
                    + "\(plan.configuration.node.port), use the nodes' own addresses")
            return
        }
        try writeProxyFile()
        try launchProxy()
        guard let child = proxy.child else { return }
        let node = plan.configuration.node
        let isDone = try pump(until: .now + .seconds(10)) {
            if child.reap() { throw Failure("haproxy does not start", details: tail(of: proxy)) }
            return LoopbackPort.obstacle(host: node.host, port: node.port) != nil
        }
        guard isDone else { throw Failure("haproxy does not listen within 10 s", details: tail(of: proxy)) }
        proxy.isReady = true
        Terminal.say("haproxy on \(proxyURL ?? "") (pid \(child.pid))")
    }

    func launchProxy() throws {
        guard let program = plan.haproxy else { return }
        proxy.child = try Child(
            Child.Command(
                program: program, arguments: ["-db", "-f", proxyFile],
                environment: ["PATH": "/usr/bin:/bin", "LC_ALL": "C"],
                log: log(of: proxy), signalOnParentDeath: "KILL"),
            setpriv: plan.setpriv)
    }

    private var proxyFile: String { "\(plan.data)/haproxy.cfg" }

    private var certificateFile: String { "\(plan.data)/haproxy.pem" }

    private func writeProxyFile() throws {
        let servers = nodes.compactMap { node in
            node.address.map {
                HAProxyConfiguration.Server(
                    name: node.name, address: $0.public.description, adminPort: $0.admin.port)
            }
        }
        let listener = HostAndPort(host: plan.configuration.node.host, port: plan.configuration.node.port)
        if let tls = plan.proxyTLS {
            try Path.writePrivately(try [tls.certificate, tls.key].flatMap(Self.contents), to: certificateFile)
        }
        let text = HAProxyConfiguration.render(
            HAProxyConfiguration.template, listener: listener.description,
            certificate: plan.proxyTLS.map { _ in certificateFile }, servers: servers)
        try Path.writePrivately(text.utf8, to: proxyFile)
    }

    /// A PEM file with a line feed behind it: HAProxy wants certificate and key in one file.
    private static func contents(of path: String) throws -> [UInt8] {
        guard let bytes = FileManager.default.contents(atPath: path) else { throw Failure("\(path) cannot be read") }
        return [UInt8](bytes) + [UInt8(ascii: "\n")]
    }
}
