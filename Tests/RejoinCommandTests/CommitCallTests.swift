import Testing

@testable import rejoin

@Suite("The call of an act's script, as Redis tells of it")
struct CommitCallTests {
    private let line =
        #"1795442977.408818 [0 127.0.0.1:51138] "EVALSHA" "c13c" "5" "rejoin:room:{sample}" "rejoin:room:{sample}:log""#
        + #" "rejoin:room:{sample}:acts" "rejoin:session:{s50}" "rejoin:limit:{rooms:Gg}" "rejoin:room:{sample}""#
        + #" "777" "Gg" "session" "1795" "replid" "NEW" "OLD" "4" "0" "act" "604800000" "1000" "1024" "262144""#
        + #" "500" "p0" "a \"quoted\\ \n""#

    @Test("begins another room, and goes on in it by the epoch that it began")
    func places() throws {
        let call = try #require(CommitCall(monitored: line, room: "sample", id: "777"))
        let begin = call.begin(room: "other", id: "x")
        #expect(begin[3] == "rejoin:room:{other}" && begin[5] == "rejoin:room:{other}:acts")
        #expect(begin[8] == "rejoin:room:{other}" && begin[9] == "x")
        #expect(begin[14] == "NEW" && begin[15] == "" && begin[16] == "0")
        #expect(begin.last == "a \"quoted\\ \n")
        let again = call.again(room: "other", id: "y")
        #expect(again[9] == "y" && again[15] == "NEW" && again[16] == "1")
    }

    @Test("is not mistaken for another call")
    func others() {
        #expect(CommitCall(monitored: line, room: "sample", id: "778") == nil)
        #expect(CommitCall(monitored: line, room: "another", id: "777") == nil)
        #expect(
            CommitCall(monitored: #"1.2 [0 lua] "HMGET" "rejoin:room:{sample}" "777""#, room: "sample", id: "777")
                == nil)
        #expect(CommitCall(monitored: "+OK", room: "sample", id: "777") == nil)
        for length in 0..<line.count {
            let cut = CommitCall(monitored: String(line.prefix(length)), room: "sample", id: "777")
            if let cut { #expect(cut.begin(room: "o", id: "x").count > 16) }
        }
    }

    @Test("the speed is in the last line that redis-benchmark prints")
    func speed() {
        let output = """
            "test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"
            "EVALSHA e0 1 k","x","125786.16","0.054","0.024","0.055","0.095","0.127","0.183"
            """
        #expect(RedisYardstick.speed(in: output) == 125_786.16)
        #expect(RedisYardstick.speed(in: "") == nil)
        #expect(RedisYardstick.speed(in: "Error from server") == nil)
    }
}
