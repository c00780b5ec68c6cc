import RedisClient

/// Where a walk through all sessions stands: a cursor of Redis's `SCAN`.
public struct SessionCursor: Sendable, Equatable, CustomStringConvertible {
    /// Before the first.
    public static let start = SessionCursor(value: 0)

    fileprivate let value: UInt64

    fileprivate init(value: UInt64) {
        self.value = value
    }

    /// Reads what ``SessionPage/next`` was; nil for any other text.
    public init?(_ text: some StringProtocol) {
        guard (1...20).contains(text.utf8.count), text.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
            let value = UInt64(text)
        else { return nil }
        self.value = value
    }

    /// The decimal number.
    public var description: String { String(self.value) }
}

extension SessionStore {
    /// How many keys a part may look at, in steps of at most the part's limit.
    private static let stepsOfScan = 64
    /// How long it goes on for a part.
    private static let timeOfScan = Duration.milliseconds(300)

    /// A part of all sessions, players' and guests', in no order: a walk over Redis's keys that holds nobody up.
    ///
    /// A session that is there from the first part to the last is listed, perhaps twice; one that comes or goes
    /// meanwhile may be.
    ///
    /// - Parameters:
    ///   - cursor: where the part begins.
    ///   - limit: 1 to 1,000. Redis counts by slots of its table: a few more may come, and where other keys are many,
    ///     fewer.
    public func page(
        from cursor: SessionCursor = .start, limit: Int
    ) async throws(SessionError) -> SessionPage {
        let limit = min(max(1, limit), Self.maximumListed)
        let deadline = ContinuousClock.now + Self.timeOfScan
        var handles: [SessionHandle] = []
        var cursor = cursor
        for _ in 0..<Self.stepsOfScan {
            let reply = try await self.send(
                "SCAN",
                [
                    .string(cursor.description), "MATCH", .string(self.keys.sessionPattern), "COUNT",
                    .integer(limit - handles.count),
                ])
            guard let parts = reply.array, parts.count == 2, let next = parts[0].string.flatMap({ SessionCursor($0) }),
                let found = parts[1].array
            else { throw .unexpectedReply(of: "SCAN") }
            handles += found.compactMap { $0.string.flatMap { self.keys.handle(ofKey: $0) } }
            cursor = next
            if cursor == .start || handles.count >= limit || ContinuousClock.now >= deadline { break }
        }
        let records = try await self.read(handles).compactMap { $0 }
        return SessionPage(records: records, next: cursor == .start ? nil : cursor.description)
    }
}
