import NIOCore
import NIOSSL
import Synchronization

/// TLS of a listener, 1.2 or later: its certificate and private key, which can be read anew while it runs. Any thread may
/// call.
///
/// The same files say whom this node believes when it passes requests on to another one: besides the authorities of the
/// system, those that the certificate's file holds.
public final class EngineTLS: Sendable {
    /// One of the files.
    public enum File: Sendable, Equatable {
        case certificate, key
    }

    /// A file that cannot be used.
    public struct FileError: Error, Sendable, Equatable {
        public let file: File
        /// What is wrong with it, with its path.
        public let message: String
    }

    /// What follows from one reading of the files.
    private struct Reading {
        let identity: TLSIdentity
        let server: NIOSSLContext
        let client: NIOSSLContext
    }

    private let certificateFile: String
    private let keyFile: String
    private let reading: Mutex<Reading>

    /// - Parameters:
    ///   - certificateFile: path of a PEM file: the listener's certificate first, then those between it and its authority.
    ///   - keyFile: path of a PEM file with its private key, without a passphrase.
    /// - Throws: The first file that cannot be used, or a key that is not the certificate's.
    public init(certificateFile: String, keyFile: String) throws(FileError) {
        self.certificateFile = certificateFile
        self.keyFile = keyFile
        reading = Mutex(try Self.read(certificateFile, keyFile))
    }

    /// Reads the files again: connections from now on get what they hold. Open ones stay as they are.
    ///
    /// - Throws: The first file that cannot be used; then nothing has changed.
    public func reload() throws(FileError) {
        let new = try Self.read(certificateFile, keyFile)
        reading.withLock { $0 = new }
    }

    /// When the certificate runs out, or one that it rests on, in seconds since 1970.
    public var expiry: Int { reading.withLock { $0.identity.expiry } }

    private static func read(_ certificateFile: String, _ keyFile: String) throws(FileError) -> Reading {
        let identity = try TLSIdentity(certificateFile: certificateFile, keyFile: keyFile)
        var server = TLSConfiguration.makeServerConfiguration(
            certificateChain: identity.chain.map { .certificate($0) }, privateKey: .privateKey(identity.key))
        server.minimumTLSVersion = .tlsv12
        server.applicationProtocols = ["http/1.1"]
        server.shutdownTimeout = shutdownTimeout
        do {
            let context = try NIOSSLContext(configuration: server)
            return Reading(identity: identity, server: context, client: try clientContext(also: identity.chain))
        } catch {
            throw FileError(file: .key, message: "\(keyFile) is not the key of the certificate in \(certificateFile)")
        }
    }

    /// How long the peer's goodbye is waited for.
    private static let shutdownTimeout = TimeAmount.seconds(1)

    private static func clientContext(also roots: [NIOSSLCertificate]) throws -> NIOSSLContext {
        var client = TLSConfiguration.makeClientConfiguration()
        client.minimumTLSVersion = .tlsv12
        client.certificateVerification = .fullVerification
        client.trustRoots = .default
        client.additionalTrustRoots = [.certificates(roots)]
        client.shutdownTimeout = shutdownTimeout
        do {
            return try NIOSSLContext(configuration: client)
        } catch {
            // A system without authorities (Debian's ca-certificates): nobody is believed but these.
            client.trustRoots = .certificates(roots)
            client.additionalTrustRoots = []
            return try NIOSSLContext(configuration: client)
        }
    }

    // MARK: Connections

    /// The server's side of a connection that was accepted.
    func makeServerHandler() -> NIOSSLServerHandler {
        NIOSSLServerHandler(context: reading.withLock { $0.server })
    }

    /// What a client of another node's listener trusts, and the name that the listener's certificate has to be for; without a
    /// name it has to be for the connection's address.
    struct Client {
        let context: NIOSSLContext
        let name: String?
    }

    /// The client's side of a connection to another node, whose certificate is verified by chain and by name.
    ///
    /// - Parameters:
    ///   - host: where it is reached. A name must be in its certificate; for an address, the first name of this node's own
    ///     must be.
    ///   - tls: this node's own; nil: it has none, and believes the system's authorities alone.
    static func client(of host: String, by tls: EngineTLS?) throws -> Client {
        let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil
        guard let tls else { return Client(context: try systemClient.get(), name: isAddress ? nil : host) }
        let (context, name) = tls.reading.withLock { ($0.client, $0.identity.expectedName) }
        return Client(context: context, name: isAddress ? name : host)
    }

    private static let systemClient = Result { try clientContext(also: []) }
}
