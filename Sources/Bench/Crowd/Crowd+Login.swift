import NIOCore

/// An account of the generator.
struct BenchAccount: Sendable {
    let name = "bench\(UInt64.random(in: 0...UInt64.max))"

    /// What `login` and `register` take.
    var json: String { "{\"username\":\"\(self.name)\",\"password\":\"rejoin bench, not a secret\"}" }
}

extension Crowd {
    /// Registers a new account with an open guest's socket, which becomes a player's.
    ///
    /// - Returns: the player's token.
    func register(
        _ member: Member, _ account: BenchAccount = BenchAccount(), timeout: TimeAmount
    ) -> EventLoopFuture<String> {
        self.enter(member, "register", account, timeout: timeout)
    }

    /// Logs an open guest's socket in.
    ///
    /// - Returns: the player's token.
    func logIn(_ member: Member, _ account: BenchAccount, timeout: TimeAmount) -> EventLoopFuture<String> {
        self.enter(member, "login", account, timeout: timeout)
    }

    private func enter(
        _ member: Member, _ event: String, _ account: BenchAccount, timeout: TimeAmount
    ) -> EventLoopFuture<String> {
        self.request(member, event, account.json, timeout: timeout).assumeIsolated().flatMapThrowing { answer in
            guard let token = MessageText.string("token", in: answer) else {
                throw BenchError("\(event) was answered without a token: \(String(buffer: answer))")
            }
            member.token = token
            return token
        }.nonisolated()
    }
}
