import RejoinServer

/// Where a node listens, as its ready line says.
struct ListeningAddress: Equatable {
    let publicURL: String
    let adminURL: String
    let `public`: HostAndPort
    let admin: HostAndPort

    /// Reads `rejoin: node NAME ready on http://HOST:PORT (admin http://HOST:PORT)`, the first possibly `https://`.
    init?(readyLine line: String, node name: String) {
        let start = "rejoin: node \(name) ready on "
        guard line.hasPrefix(start) else { return nil }
        let words = line.dropFirst(start.count).split(separator: " ")
        guard words.count == 3, words[1] == "(admin", words[2].hasSuffix(")") else { return nil }
        publicURL = String(words[0])
        adminURL = String(words[2].dropLast())
        guard let scheme = ["http://", "https://"].first(where: publicURL.hasPrefix), adminURL.hasPrefix("http://"),
            let `public` = HostAndPort(String(publicURL.dropFirst(scheme.count))),
            let admin = HostAndPort(String(adminURL.dropFirst(7)))
        else { return nil }
        self.public = `public`
        self.admin = admin
    }
}
