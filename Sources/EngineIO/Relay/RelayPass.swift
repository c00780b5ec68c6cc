import NIOCore
import NIOHTTP1

/// What a node that passes a request on says of it: who passes it, when, and from which client. Signed, so that nobody else
/// can say so.
struct RelayPass: Equatable {
    static let headerName = "x-rejoin-relay"
    /// How long a request may be under way, in milliseconds.
    static let lifetime: Int64 = 30_000
    /// Longest value of the header that is looked at, in bytes.
    private static let maximumBytes = 1_024

    /// The node that passes it on.
    let sender: String
    /// Milliseconds since 1970, by the clock that the nodes share.
    let time: Int64
    /// The client's address as the sender saw it, `-` when it has none; followed by `|tls` when it came by TLS.
    let peer: String

    init(sender: String, time: Int64, peer: SocketAddress?, isTLS: Bool = false) {
        self.sender = sender
        self.time = time
        let scheme = isTLS ? Self.tlsMark : ""
        if let address = peer?.ipAddress, let port = peer?.port {
            self.peer = "\(address)|\(port)\(scheme)"
        } else {
            self.peer = "-\(scheme)"
        }
    }

    private static let tlsMark = "|tls"

    /// The value of the header; `nil` when nothing can be signed.
    func header(_ head: HTTPRequestHead, to receiver: String, by peers: any EnginePeers) -> String? {
        peers.sign(message(head, to: receiver)).map { "\(sender) \(time) \(peer) \($0)" }
    }

    /// Reads and checks what came with a request.
    ///
    /// - Parameters:
    ///   - receiver: this node.
    ///   - now: milliseconds since 1970.
    /// - Returns: `nil` for whatever was not made for this request, this node and this time.
    init?(_ values: [String], _ head: HTTPRequestHead, receiver: String, now: Int64, by peers: any EnginePeers) {
        guard values.count == 1, let value = values.first, value.utf8.count <= Self.maximumBytes else { return nil }
        let parts = value.split(separator: " ", omittingEmptySubsequences: false)
        guard parts.count == 4, let time = Int64(parts[1]), (now - Self.lifetime...now + Self.lifetime).contains(time)
        else { return nil }
        sender = String(parts[0])
        self.time = time
        peer = String(parts[2])
        guard peers.verify(String(parts[3]), of: message(head, to: receiver)) else { return nil }
    }

    /// The client's address; `nil` when it has none.
    var address: SocketAddress? {
        let parts = peer.split(separator: "|")
        guard parts.count == (isTLS ? 3 : 2), let port = Int(parts[1]) else { return nil }
        do {
            return try SocketAddress(ipAddress: String(parts[0]), port: port)
        } catch {
            return nil  // a signed address that this system cannot read is as good as none
        }
    }

    /// Whether the client spoke TLS with the sender.
    var isTLS: Bool { peer.hasSuffix(Self.tlsMark) }

    /// What is signed. None of the parts holds a line feed: HTTP's grammar, and the spaces around the others, see to it.
    private func message(_ head: HTTPRequestHead, to receiver: String) -> String {
        "rejoin relay\n\(head.method.rawValue)\n\(head.uri)\n\(sender)\n\(receiver)\n\(time)\n\(peer)"
    }
}
