import NIOCore
import NIOPosix

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Why there is no TCP connection, in the words of the system, for who runs the node.
enum ConnectFailure {
    /// - Returns: `nil` when the error says nothing that is known here.
    static func reason(_ error: any Error) -> String? {
        switch error {
        case let error as NIOConnectionError:
            // Each address of the name was tried; most often they all fail alike.
            var reasons: [String] = []
            for failure in error.connectionErrors {
                if let reason = reason(failure.error), !reasons.contains(reason) { reasons.append(reason) }
            }
            if !reasons.isEmpty { return reasons.joined(separator: ", ") }
            return (error.dnsAError ?? error.dnsAAAAError).flatMap(reason)
        case let error as SocketAddressError.UnknownHost: return error.errorDescription
        case let error as IOError: return String(cString: strerror(error.errnoCode))
        case ChannelError.connectTimeout: return "no answer in time"
        default: return nil
        }
    }
}
