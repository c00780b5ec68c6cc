import Foundation

/// Input for decoders that is nearly right, and the same in every run of a test: numbers, and bytes with
/// a few changes.
public struct Fuzz: RandomNumberGenerator {
    /// How many inputs a decoder gets: `REJOIN_FUZZ_ROUNDS`. Default 20,000; 1,000,000 is a thorough run.
    public static let rounds =
        ProcessInfo.processInfo.environment["REJOIN_FUZZ_ROUNDS"].flatMap { Int($0) } ?? 20_000

    /// How many in every run, where it costs seconds only: packets of Engine.IO, those of Socket.IO, heads of requests.
    public static let enginePacketRounds = max(rounds, 1_000_000)
    public static let socketPacketRounds = max(rounds, 200_000)
    public static let headRounds = max(rounds, 100_000)

    /// Bytes at which decoders take turns: the ends of ranges, separators, digits.
    private static let telling: [UInt8] =
        [0x00, 0x01, 0x7D, 0x7E, 0x7F, 0x80, 0x81, 0xBF, 0xC0, 0xC1, 0xED, 0xF4, 0xFE, 0xFF, 0x1E]
        + Array("\"\\{}[]:,;=-0179eE/ \r\n".utf8)

    private var generator: SeededGenerator

    public init(seed: UInt64) {
        generator = SeededGenerator(seed: seed)
    }

    public mutating func next() -> UInt64 { generator.next() }

    /// A number from 0 on, below `end`, which is at least 1.
    public mutating func below(_ end: Int) -> Int { Int(next() % UInt64(end)) }

    /// One of the inputs with one to four changes: bits, bytes, pieces that are gone, doubled or of another input.
    public mutating func mutant(of inputs: [[UInt8]]) -> [UInt8] {
        var bytes = inputs[below(inputs.count)]
        for _ in 0...below(4) {
            guard !bytes.isEmpty else { return bytes }
            let place = below(bytes.count)
            let piece = place..<min(bytes.count, place + 1 + below(12))
            switch below(8) {
            case 0: bytes[place] ^= 1 << UInt8(below(8))
            case 1: bytes[place] = UInt8(below(256))
            case 2: bytes[place] = Self.telling[below(Self.telling.count)]
            case 3: bytes.insert(Self.telling[below(Self.telling.count)], at: place)
            case 4: bytes.removeSubrange(piece)
            case 5: bytes.insert(contentsOf: bytes[piece], at: place)
            case 6: bytes.removeLast(bytes.count - place)
            default:
                let other = inputs[below(inputs.count)]
                guard !other.isEmpty else { continue }
                bytes.replaceSubrange(place..., with: other[below(other.count)...])
            }
        }
        return bytes
    }

    /// Bytes of this process that are in memory now.
    ///
    /// - Throws: There is no `/proc`.
    public static func residentBytes() throws -> Int {
        let pages = try String(contentsOfFile: "/proc/self/statm", encoding: .utf8).split(separator: " ")
        guard pages.count > 1, let resident = Int(pages[1]) else { throw TestSupportError("/proc/self/statm is odd") }
        return resident * 4_096
    }

    /// Runs `body` for every round, and says by how many bytes memory grew after the first tenth of them.
    public static func memoryGrowth(rounds: Int = rounds, _ body: (_ round: Int) throws -> Void) throws -> Int {
        for round in 0..<rounds / 10 { try body(round) }
        let begin = try residentBytes()
        for round in rounds / 10..<rounds { try body(round) }
        return try residentBytes() - begin
    }
}
