/// The file of HAProxy: `docker/haproxy.cfg`, embedded when the program is built, with addresses put in.
enum HAProxyConfiguration {
    /// A node behind it.
    struct Server {
        var name: String
        var address: String
        var adminPort: Int
    }

    /// The embedded file.
    static var template: String { String(decoding: PackageResources.haproxy_cfg, as: UTF8.self) }

    /// The template with `bind` lines that bind `listener`, and with each section's first `server` line repeated for
    /// every node; its other `server` lines are left out.
    ///
    /// - Parameter certificate: the file of certificate and key by which `bind` speaks TLS; `nil`: plain HTTP.
    static func render(
        _ template: String, listener: String, certificate: String? = nil, servers: [Server]
    ) -> String {
        let tls = certificate.map { ["ssl", "crt", "\"\($0)\"", "ssl-min-ver", "TLSv1.2", "alpn", "http/1.1"] } ?? []
        var lines: [String] = []
        var sectionHasServers = false
        for line in template.split(separator: "\n", omittingEmptySubsequences: false) {
            let words = line.split(separator: " ").map(String.init)
            let indentation = String(line.prefix { $0 == " " })
            if let first = words.first, indentation.isEmpty, !first.hasPrefix("#") { sectionHasServers = false }
            switch words.first {
            case "bind":
                lines.append(([indentation + "bind", listener] + words.dropFirst(2) + tls).joined(separator: " "))
            case "server" where sectionHasServers:
                continue
            case "server":
                sectionHasServers = true
                lines += servers.map { server in
                    var words = words
                    words[1] = server.name
                    words[2] = server.address
                    if let port = words.firstIndex(of: "port") { words[port + 1] = "\(server.adminPort)" }
                    return indentation + words.joined(separator: " ")
                }
            default:
                lines.append(String(line))
            }
        }
        return lines.joined(separator: "\n")
    }
}
