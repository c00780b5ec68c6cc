import Sessions

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// This machine, and settings that are allowed and not safe everywhere.
extension Doctor {
    var descriptors: Finding {
        var limit = rlimit()
        guard getrlimit(.init(RLIMIT_NOFILE.rawValue), &limit) == 0 else {
            return .warn(
                "descriptors", "the limit cannot be read", expected: "10,000 or more", advice: "check `ulimit -n`")
        }
        return Self.descriptors(limit: Int(clamping: limit.rlim_cur))
    }

    /// - Parameter limit: how many file descriptors a process may have.
    static func descriptors(limit: Int) -> Finding {
        let found = "\(limit), so \(max(1, limit - 128)) sockets at most"
        return limit < 10_000
            ? .warn(
                "descriptors", found, expected: "10000 or more",
                advice: "`ulimit -n 65536` before the node starts, or LimitNOFILE=65536 in its systemd unit")
            : .ok("descriptors", found)
    }

    var settings: [Finding] {
        [cookieKeys, insecureLogin, admin, registration]
    }

    private var cookieKeys: Finding {
        let count = configuration.browsers.cookieKeys.count
        return count == 0
            ? .warn(
                "cookie-keys", "agreed on through Redis, which holds them in the clear",
                expected: "cookie-keys in the configuration of every node",
                advice: "set REJOIN_COOKIE_KEYS, for instance to what `openssl rand -base64 32` prints")
            : .ok("cookie-keys", "\(count) configured; the first signs")
    }

    private var insecureLogin: Finding {
        configuration.accounts.allowsInsecureLogin
            ? .warn(
                "insecure-login", "true: passwords and cookies may come over plain HTTP", expected: "false",
                advice: "serve by HTTPS and unset REJOIN_INSECURE_LOGIN")
            : .ok("insecure-login", "false")
    }

    private var admin: Finding {
        let host = configuration.node.adminHost
        let isLocal = RequestSource(
            scheme: .http, host: host.contains(":") ? "[\(host)]" : host, address: nil
        ).isLoopback
        if configuration.node.adminToken != nil { return .ok("admin", "\(host), with a token") }
        return isLocal
            ? .ok("admin", "\(host), for this machine alone")
            : .warn(
                "admin", "\(host), without a token", expected: "a token where others reach the admin listener",
                advice: "set REJOIN_ADMIN_TOKEN, or REJOIN_ADMIN_HOST=127.0.0.1")
    }

    private var registration: Finding {
        configuration.accounts.isRegistrationOpen
            ? .warn(
                "registration", "open: visitors make accounts", expected: "closed, unless that is meant",
                advice: "unset REJOIN_REGISTRATION to close it")
            : .ok("registration", "closed")
    }
}
