import Logging
import RedisClient

extension SessionStore {
    private static let recordsScript = RedisScript(name: "records", source: PackageResources.records_lua)
    private static let healScript = RedisScript(name: "heal", source: PackageResources.heal_lua)
    /// How many sessions of a user are listed at most.
    public static let maximumListed = 1000

    /// Reads one session's record.
    ///
    /// - Returns: nil when there is none.
    public func record(_ handle: SessionHandle) async throws(SessionError) -> SessionRecord? {
        try await self.read([handle])[0]
    }

    /// Lists the sessions in which a user is logged in, the oldest login first, and heals the index: entries whose
    /// records are gone are removed.
    ///
    /// - Returns: at most 1,000.
    public func records(of userID: String) async throws(SessionError) -> [SessionRecord] {
        try await self.page(of: userID, limit: Self.maximumListed).records
    }

    /// A part of ``records(of:)``.
    ///
    /// - Parameters:
    ///   - userID: whose sessions.
    ///   - start: `next` of the part before; 0 for the first. What logs out between two parts moves those after it.
    ///   - limit: how many at most, 1 to 1,000.
    public func page(
        of userID: String, from start: Int = 0, limit: Int
    ) async throws(SessionError) -> SessionPage {
        let count = min(max(1, limit), Self.maximumListed)
        let start = min(max(0, start), Int(Int32.max))
        let reply = try await self.send(
            "ZRANGE",
            [
                .string(self.keys.userSessions(userID)), .integer(start), .integer(start + count - 1), "WITHSCORES",
            ])
        guard let values = reply.array, values.count % 2 == 0 else { throw .unexpectedReply(of: "ZRANGE") }
        var entries: [(handle: SessionHandle, score: Int)] = []
        for index in stride(from: 0, to: values.count, by: 2) {
            // What is no handle is none of ours, and is left alone.
            if let handle = values[index].string.flatMap({ SessionHandle($0) }),
                let score = Self.score(values[index + 1])
            {
                entries.append((handle, score))
            }
        }
        let found = try await self.read(entries.map(\.handle))
        var records: [SessionRecord] = []
        var stale: [(SessionHandle, Int)] = []
        for (entry, record) in zip(entries, found) {
            if let record, record.user?.id == userID {
                records.append(record)
            } else {
                stale.append(entry)
            }
        }
        var gone = 0
        if !stale.isEmpty {
            do {
                gone = try await self.heal(userID, stale)
            } catch {
                // The list is right all the same; the entries go when it is next read.
                self.logger.debug("index of sessions left unhealed", metadata: ["error": "\(error.message)"])
            }
        }
        let isLast = values.count / 2 < count
        return SessionPage(records: records, next: isLast ? nil : String(start + values.count / 2 - gone))
    }

    /// Removes entries of a user's index, unless a new login has written them since they were read.
    ///
    /// - Returns: how many were removed.
    @discardableResult
    func heal(
        _ userID: String, _ entries: [(handle: SessionHandle, score: Int)]
    ) async throws(SessionError) -> Int {
        var arguments: [RedisArgument] = []
        for entry in entries {
            arguments.append(.string(entry.handle.description))
            arguments.append(.integer(entry.score))
        }
        return try await self.eval(
            Self.healScript, keys: [self.keys.userSessions(userID)], arguments: arguments
        ).int ?? 0
    }

    /// Reads records, in batches of 256, one after the other.
    ///
    /// - Returns: one for each handle, in their order; nil where there is none.
    func read(_ handles: [SessionHandle]) async throws(SessionError) -> [SessionRecord?] {
        var records: [SessionRecord?] = []
        records.reserveCapacity(handles.count)
        for start in stride(from: 0, to: handles.count, by: Self.touchBatch) {
            let batch = handles[start..<min(start + Self.touchBatch, handles.count)]
            let reply = try await self.eval(
                Self.recordsScript, keys: batch.map { self.keys.session($0) }, arguments: [])
            guard let values = reply.array, values.count == batch.count else { throw .unexpectedReply(of: "records") }
            for (handle, value) in zip(batch, values) { records.append(try Self.record(handle, value)) }
        }
        return records
    }

    private static func record(_ handle: SessionHandle, _ value: RedisValue) throws(SessionError) -> SessionRecord? {
        guard let fields = value.array, fields.count == 10 else { throw .unexpectedReply(of: "records") }
        guard let generation = ScriptReply.int(fields[3]) else { return nil }
        var user: SessionUser?
        if fields[0].string == "1", let id = fields[1].string {
            user = SessionUser(id: id, name: fields[2].string ?? "")
        }
        return SessionRecord(
            handle: handle, user: user, generation: generation, created: ScriptReply.int(fields[4]) ?? 0,
            seen: ScriptReply.int(fields[5]) ?? 0, expires: ScriptReply.int(fields[6]) ?? 0,
            client: fields[7].string ?? "", address: fields[8].string ?? "",
            isClaimed: ScriptReply.int(fields[9]) == 1)
    }

    /// Redis writes scores as doubles.
    private static func score(_ value: RedisValue) -> Int? {
        guard let text = value.string else { return nil }
        return Int(text) ?? Double(text).flatMap { Int(exactly: $0) }
    }
}
