import RedisClient

/// The reply of one of our scripts: an array that begins with Redis's time. Read strictly, since it comes from outside.
struct ScriptReply {
    let script: String
    let values: [RedisValue]
    /// Redis's clock in ms.
    let now: Int

    init(_ value: RedisValue, script: String) throws(SessionError) {
        guard let values = value.array, let now = values.first.flatMap(Self.int) else {
            throw .unexpectedReply(of: script)
        }
        self.script = script
        self.values = values
        self.now = now
    }

    /// An integer, also in decimal text.
    func int(_ index: Int) throws(SessionError) -> Int {
        guard index < self.values.count, let int = Self.int(self.values[index]) else {
            throw .unexpectedReply(of: self.script)
        }
        return int
    }

    func string(_ index: Int) throws(SessionError) -> String {
        guard index < self.values.count, let string = self.values[index].string else {
            throw .unexpectedReply(of: self.script)
        }
        return string
    }

    func handle(_ index: Int) throws(SessionError) -> SessionHandle {
        guard let handle = SessionHandle(try self.string(index)) else { throw .unexpectedReply(of: self.script) }
        return handle
    }

    static func int(_ value: RedisValue) -> Int? {
        if case .integer(let int) = value { return int }
        return value.string.flatMap { Int($0) }
    }
}
