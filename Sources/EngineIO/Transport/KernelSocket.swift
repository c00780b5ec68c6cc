#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif
import NIOCore

/// What is sent and received without SwiftNIO. Linux only; elsewhere nothing is.
enum KernelSocket {
    /// Gives bytes to a socket that does not block.
    ///
    /// - Parameter descriptor: negative: there is none.
    /// - Returns: how many bytes the kernel took; 0 when it took none, for whatever reason.
    static func send(_ bytes: UnsafeRawBufferPointer, by descriptor: CInt) -> Int {
        #if os(Linux)
        guard descriptor >= 0 else { return 0 }
        let flags = CInt(MSG_DONTWAIT) | CInt(MSG_NOSIGNAL)
        #if canImport(Glibc)
        return max(0, Glibc.send(descriptor, bytes.baseAddress, bytes.count, flags))
        #else
        return max(0, Musl.send(descriptor, bytes.baseAddress, bytes.count, flags))
        #endif
        #else
        return 0
        #endif
    }

    /// Takes what a socket that does not block has received.
    ///
    /// - Parameter descriptor: negative: there is none.
    /// - Returns: how many bytes there were; 0 when there is nothing, for whatever reason: the end of the connection and
    ///   errors are the channel's to find.
    static func receive(into bytes: UnsafeMutableRawBufferPointer, from descriptor: CInt) -> Int {
        #if os(Linux)
        guard descriptor >= 0 else { return 0 }
        #if canImport(Glibc)
        return max(0, Glibc.recv(descriptor, bytes.baseAddress, bytes.count, CInt(MSG_DONTWAIT)))
        #else
        return max(0, Musl.recv(descriptor, bytes.baseAddress, bytes.count, CInt(MSG_DONTWAIT)))
        #endif
        #else
        return 0
        #endif
    }

    /// The descriptor of a channel; negative when it has none.
    static func descriptor(of channel: any Channel) -> CInt {
        #if os(Linux)
        (try? channel.pipeline.syncOperations.withUnsafeTransportIfAvailable(of: CInt.self) { $0 }) ?? -1
        #else
        -1
        #endif
    }
}
