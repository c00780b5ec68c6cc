#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// Unguessable bits from the kernel: however many, by one system call, where `SystemRandomNumberGenerator` makes one for
/// every 64.
package enum RandomBits {
    /// Fills all of a value of plain words.
    package static func fill<Words: BitwiseCopyable>(_ words: inout Words) {
        withUnsafeMutableBytes(of: &words) { bytes in
            guard let base = bytes.baseAddress else { return }
            // Fails only on kernels that have no such call, and for more than 256 bytes.
            if getentropy(base, bytes.count) != 0 { fillByWord(bytes) }
        }
    }

    private static func fillByWord(_ bytes: UnsafeMutableRawBufferPointer) {
        var generator = SystemRandomNumberGenerator()
        for index in bytes.indices {
            bytes[index] = UInt8(truncatingIfNeeded: generator.next() as UInt64)
        }
    }
}
