#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif
import Synchronization

/// The time as the `Date` header has it (RFC 9110, 5.6.7), written once a second.
final class HTTPDate: Sendable {
    private let written = Mutex<(second: time_t, text: String)>((-1, ""))

    var text: String {
        let now = time(nil)
        return written.withLock { written in
            if written.second != now { written = (now, Self.text(now)) }
            return written.text
        }
    }

    static func text(_ second: time_t) -> String {
        var second = second
        var parts = tm()
        gmtime_r(&second, &parts)
        // Of the C locale, which nothing here changes.
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: 64) { buffer in
            guard let base = buffer.baseAddress else { return "" }
            let count = strftime(base, buffer.count, "%a, %d %b %Y %H:%M:%S GMT", &parts)
            return String(decoding: UnsafeRawBufferPointer(start: base, count: count), as: UTF8.self)
        }
    }
}
