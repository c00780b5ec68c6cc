import Glibc
import Testing

@testable import RejoinServer

@Suite struct ProgramCodeTests {
    @Test(
        "only code of files is released, never what the process has written",
        arguments: [
            (
                "7f1c5a000000-7f1c5a021000 r-xp 00001000 fe:00 1842 /usr/lib/libc.so.6\n",
                0x7f1c_5a00_0000..<0x7f1c_5a02_1000
            ),
            ("1000-2000 r-xp 00000000 fe:00 7 /srv/a program\n", 0x1000..<0x2000),
            ("1000-2000 rw-p 00000000 fe:00 7 /usr/bin/rejoin\n", nil),
            ("1000-2000 r--p 00000000 fe:00 7 /usr/bin/rejoin\n", nil),
            ("1000-2000 rwxp 00000000 fe:00 7 /usr/bin/rejoin\n", nil),
            ("1000-2000 r-xs 00000000 fe:00 7 /usr/bin/rejoin\n", nil),
            ("7ffd1000-7ffd3000 r-xp 00000000 00:00 0 [vdso]\n", nil),
            ("1000-2000 r-xp 00000000 00:00 0\n", nil),
            ("2000-1000 r-xp 00000000 fe:00 7 /usr/bin/rejoin\n", nil),
            ("x-y r-xp 00000000 fe:00 7 /usr/bin/rejoin\n", nil),
            ("", nil),
        ] as [(String, Range<UInt>?)])
    func range(mapping: String, expected: Range<UInt>?) {
        #expect(ProgramCode.range(mapping) == expected)
    }

    @Test("released code leaves the process, and runs on")
    func release() throws {
        let before = try #require(Self.residentFilePages())
        ProgramCode.release()
        let after = try #require(Self.residentFilePages())
        #expect(after < before)
    }

    /// The third field of `/proc/self/statm` (proc(5)).
    private static func residentFilePages() -> Int? {
        guard let file = fopen("/proc/self/statm", "re") else { return nil }
        defer { fclose(file) }
        var bytes = [CChar](repeating: 0, count: 256)
        guard fgets(&bytes, CInt(bytes.count), file) != nil else { return nil }
        let text = bytes.withUnsafeBufferPointer { String(cString: $0.baseAddress!) }
        return text.split(separator: " ").dropFirst(2).first.flatMap { Int($0) }
    }
}
