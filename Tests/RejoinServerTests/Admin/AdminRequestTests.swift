@testable import RejoinServer
import SocketIO
import Testing

@Suite("requests to the admin API")
struct AdminRequestTests {
    @Test("a query is read as forms are")
    func query() throws {
        let pairs = try #require(AdminRequest.pairs(inQuery: "user=a+b%2Bc&limit=&&cursor&x=1=2&user=%C3%A9"))
        #expect(pairs.map(\.name) == ["user", "limit", "cursor", "x", "user"])
        #expect(pairs.map(\.value) == ["a b+c", "", "", "1=2", "é"])
        for broken in ["%", "%4", "%zz", "a=%ff", "%ED%A0%80=1"] {
            #expect(AdminRequest.pairs(inQuery: broken) == nil, "\(broken)")
        }
    }

    @Test("a path is percent-decoded, and + is itself")
    func path() {
        #expect(AdminRequest.decoded("a%2Fb+c%20d") == "a/b+c d")
        #expect(AdminRequest.decoded("%") == nil)
    }

    @Test("a limit is a number from 1 to 1,000, 100 when none is given")
    func limit() throws {
        func limit(_ text: String?) throws -> Int {
            try AdminRequest(parameters: [:], query: text.map { ["limit": $0] } ?? [:], body: .emptyObject).limit()
        }
        #expect(try limit(nil) == 100)
        #expect(try limit("1") == 1)
        #expect(try limit("1000") == 1_000)
        for wrong in ["0", "1001", "", "-1", "+1", "1 ", "x", "99999999999999999999"] {
            #expect(throws: AdminFailure.self) { try limit(wrong) }
        }
    }

    @Test("every path is found by its segments alone, and no two routes are the same")
    func routes() {
        var known: Set<String> = []
        for route in AdminRoute.all {
            #expect(known.insert("\(route.method) \(route.path)").inserted)
            let filled = route.path.split(separator: "/").map { $0.hasPrefix("{") ? "x" : String($0) }
            #expect(route.parameters(in: filled) != nil)
            #expect(route.parameters(in: filled + ["x"]) == nil)
            #expect(route.parameters(in: Array(filled.dropLast())) == nil)
        }
    }
}
