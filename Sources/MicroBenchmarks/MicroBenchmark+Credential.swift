import Logging
import Sessions

extension MicroBenchmark {
    static let credential = [
        MicroBenchmark("cookie-verify", "find the cookie among three, read it, verify its signature") { count in
            let ring = try ring()
            let cookies = ["theme=dark; rejoin=\(try ring.issueGuest().text); lang=en"]
            var successes = 0
            for _ in 0..<count {
                guard let text = try CookiePolicy.plain.value(in: cookies), let credential = Credential(text) else {
                    continue
                }
                if case .valid = ring.verify(credential) { successes += 1 }
            }
            return successes
        },
        MicroBenchmark("cookie-issue", "make a new guest's credential, and its Set-Cookie") { count in
            let ring = try ring()
            var successes = 0
            for _ in 0..<count {
                let credential = try ring.issueGuest()
                if CookiePolicy.plain.header(credential, remaining: .seconds(7_776_000)) != nil { successes += 1 }
            }
            return successes
        },
    ]

    private static func ring() throws(SessionError) -> KeyRing {
        KeyRing(
            configured: try CredentialKeys(configuration: String(repeating: "A", count: 43)), clock: RedisClock(),
            logger: Logger(label: "microbenchmark"))
    }
}
