/// How a server compresses WebSocket messages (permessage-deflate, RFC 7692).
///
/// Every message is compressed for itself, "without context takeover", in both directions: a socket holds no memory
/// between two messages, and one that goes to many receivers is compressed once. An event loop holds about
/// 40 KiB to inflate and, for each size of window in use, 2^(``windowBits`` + 2) + 2^(``memoryLevel`` + 9) bytes to
/// deflate, from the first compressed message on.
public struct WebSocketCompression: Sendable, Equatable {
    /// The least that ``thresholdBytes`` may be: below, a compressed message is hardly ever shorter.
    package static let minimumThresholdBytes = 64

    /// Messages shorter than this go as they are. In bytes, at least 64. Default 1,024.
    public var thresholdBytes: Int {
        didSet { precondition(thresholdBytes >= Self.minimumThresholdBytes, "a threshold is at least 64 bytes") }
    }

    /// The base-2 logarithm of the window in which repetitions are found, 9 to 15. A client that cannot hold such a
    /// window asks for a smaller one, and gets messages compressed for itself. Default 15: 32 KiB.
    public var windowBits: Int {
        didSet { precondition((9...15).contains(windowBits), "a window has 9 to 15 bits") }
    }

    /// zlib's effort: 1 is fast, 9 is thorough. Default 3.
    public var level: Int {
        didSet { precondition((1...9).contains(level), "a level is 1 to 9") }
    }

    /// zlib's memory for finding repetitions, 1 to 9. Default 8: 128 KiB.
    public var memoryLevel: Int {
        didSet { precondition((1...9).contains(memoryLevel), "a memory level is 1 to 9") }
    }

    public init(thresholdBytes: Int = 1_024, windowBits: Int = 15, level: Int = 3, memoryLevel: Int = 8) {
        precondition(thresholdBytes >= Self.minimumThresholdBytes, "a threshold is at least 64 bytes")
        precondition((9...15).contains(windowBits), "a window has 9 to 15 bits")
        precondition((1...9).contains(level), "a level is 1 to 9")
        precondition((1...9).contains(memoryLevel), "a memory level is 1 to 9")
        self.thresholdBytes = thresholdBytes
        self.windowBits = windowBits
        self.level = level
        self.memoryLevel = memoryLevel
    }
}
