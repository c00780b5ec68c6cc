#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// What is sent without SwiftNIO. Linux only; elsewhere nothing is taken.
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
}
