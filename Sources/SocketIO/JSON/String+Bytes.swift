#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

extension String {
    /// Compares by bytes. (`==` takes strings for equal that are canonically equivalent.)
    package func hasBytes(_ bytes: UnsafeRawBufferPointer) -> Bool {
        let isEqual = utf8.withContiguousStorageIfAvailable { own in
            guard own.count == bytes.count else { return false }
            guard let first = own.baseAddress, let second = bytes.baseAddress else { return true }
            return memcmp(first, second, own.count) == 0
        }
        return isEqual ?? utf8.elementsEqual(bytes)
    }

    /// Compares by bytes.
    package func hasBytes(of other: String) -> Bool {
        let isEqual = other.utf8.withContiguousStorageIfAvailable { hasBytes(UnsafeRawBufferPointer($0)) }
        return isEqual ?? utf8.elementsEqual(other.utf8)
    }
}
