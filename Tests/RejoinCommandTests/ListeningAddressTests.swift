import RejoinServer
import Testing

@testable import rejoin

@Suite("The ready line of a node")
struct ListeningAddressTests {
    @Test("it tells both listeners")
    func ready() {
        let address = ListeningAddress(
            readyLine: "rejoin: node n1 ready on http://127.0.0.1:5001 (admin http://[::1]:6001)", node: "n1")
        #expect(address?.publicURL == "http://127.0.0.1:5001")
        #expect(address?.adminURL == "http://[::1]:6001")
    }

    @Test("the public one may speak TLS, the admin one does not")
    func encrypted() {
        let address = ListeningAddress(
            readyLine: "rejoin: node n1 ready on https://127.0.0.1:5001 (admin http://[::1]:6001)", node: "n1")
        #expect(address?.publicURL == "https://127.0.0.1:5001" && address?.public.port == 5_001)
        #expect(
            ListeningAddress(readyLine: "rejoin: node n1 ready on http://a:1 (admin https://a:2)", node: "n1") == nil)
    }

    @Test(
        "anything else is no ready line of that node",
        arguments: [
            "", "rejoin: node n2 ready on http://127.0.0.1:5001 (admin http://127.0.0.1:6001)",
            "rejoin: node n1 ready on http://127.0.0.1:5001", "rejoin: node n1 ready on 127.0.0.1 (admin 127.0.0.1)",
            "rejoin: node n1 ready on http://127.0.0.1:x (admin http://127.0.0.1:6001)",
        ])
    func noReadyLine(line: String) {
        #expect(ListeningAddress(readyLine: line, node: "n1") == nil)
    }

    @Test(
        "an uptime has its two largest units",
        arguments: [
            (0, "0s"), (59_999, "59s"), (60_000, "1m 0s"), (3_723_000, "1h 2m"), (90_000_000, "1d 1h"), (-5, "0s"),
        ])
    func uptime(milliseconds: Int, text: String) {
        #expect(NodesCommand.uptime(milliseconds: milliseconds) == text)
    }
}
