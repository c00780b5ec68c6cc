import Testing

@testable import Accounts

@Suite("PostgresAddress")
struct PostgresAddressTests {
    @Test("a URL is shown by its hosts, ports and database alone")
    func shown() throws {
        for (url, shown) in [
            (
                "postgres://ada:c4nary%40@db.example.org:6543/accounts?sslmode=verify-full",
                "postgres://db.example.org:6543/accounts"
            ),
            ("postgresql://ada:c4nary@one:1,two:2/accounts", "postgres://one:1,two:2/accounts"),
            ("postgres:///accounts?host=/run/postgresql&password=c4nary", "postgres:///run/postgresql/accounts"),
            ("postgres://[::1]/accounts?sslpassword=c4nary", "postgres://::1/accounts"),
        ] {
            let address = try PostgresAddress(url)
            #expect(address.description == shown)
            let configuration = try PostgresConfiguration(url: url)
            var dumped = ""
            dump(configuration, to: &dumped)
            for text in [dumped, String(reflecting: address), String(describing: configuration), "\(configuration)"] {
                #expect(!text.contains("c4nary"))
            }
        }
    }

    @Test("each of several servers is tried by itself")
    func servers() throws {
        #expect(try PostgresAddress("postgres://one/accounts").servers == [.init()])
        #expect(
            try PostgresAddress("postgres://one:1,two/accounts").servers
                == [.init(host: "one", port: "1"), .init(host: "two", port: "")])
        #expect(
            try PostgresAddress("postgres:///accounts?host=one,two&port=7&connect_timeout=3").servers
                == [.init(host: "one", port: "7"), .init(host: "two", port: "7")])
    }

    @Test(
        "what is no PostgreSQL URL, or has a password that is not escaped, is refused without a part of it",
        arguments: [
            "", "sqlite:c4nary", "postgres:", "http://u:c4nary@h/d", "postgres://u:c4@nary@h/d",
            "postgres://u:c4/nary@h/d", "postgres://u:12/nary@h/d", "postgres://u:c4?nary@h/d",
            "postgres://u:c4#nary@h/d", "postgres://u:%zznary@h/d", "postgres://h/d?nary", "postgres://h/d?nary=1",
            "postgres://h:nary/d", "postgres://h:1,i:2,j:3:4/nary", "postgres://h:99999/nary",
            "postgres://u@h/d\u{0}nary",
        ])
    func malformed(url: String) {
        let error = #expect(throws: AccountsError.self) { try PostgresAddress(url) }
        #expect(error?.code == .invalidStore)
        #expect(error?.description.contains("nary") == false)
        #expect(error?.message.contains("postgres://") == true)
    }

    @Test("a message is one line without the password")
    func redacted() throws {
        let address = try PostgresAddress("postgres://ada:c4nary%40%2F@h/d")
        #expect(address.redact("no\n\t such c4nary@/ here\u{1B}[31m, c4nary@/") == "no such … here [31m, …")
    }
}
