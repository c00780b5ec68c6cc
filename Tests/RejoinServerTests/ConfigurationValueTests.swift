import Testing

@testable import RejoinServer

@Suite("Values of the configuration")
struct ConfigurationValueTests {
    @Test(
        "durations are a number and a unit",
        arguments: [
            ("0s", Duration.zero, "0s"), ("500ms", .milliseconds(500), "500ms"), ("20s", .seconds(20), "20s"),
            ("15m", .seconds(900), "15m"), ("24h", .seconds(86_400), "1d"), ("14d", .seconds(1_209_600), "14d"),
            ("90s", .seconds(90), "90s"), ("1500ms", .milliseconds(1_500), "1500ms"),
        ])
    func durations(text: String, duration: Duration, written: String) {
        #expect(DurationText.parse(text) == duration)
        #expect(DurationText.format(duration) == written)
    }

    @Test(
        "anything else is no duration",
        arguments: ["", "s", "1", "1 s", " 1s", "+1s", "-1s", "1S", "1.5s", "1w", "1s2", "١s"])
    func noDurations(text: String) {
        #expect(DurationText.parse(text) == nil)
    }

    @Test(
        "a range contains its addresses and no others",
        arguments: [
            ("127.0.0.1", "127.0.0.1", true), ("127.0.0.1", "127.0.0.2", false), ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.1", false), ("192.168.4.0/22", "192.168.7.255", true),
            ("192.168.4.0/22", "192.168.8.0", false), ("0.0.0.0/0", "8.8.8.8", true), ("0.0.0.0/0", "::1", false),
            ("fd00::/8", "fdff::1", true), ("fd00::/8", "fe80::1", false), ("::1", "0:0::1", true),
            ("10.0.0.0/8", "::ffff:10.0.0.1", true), ("10.0.0.0/8", "", false), ("10.0.0.0/8", "10.0.0.1:80", false),
        ])
    func ranges(range: String, address: String, isContained: Bool) throws {
        #expect(try #require(AddressRange(range)).contains(address) == isContained)
    }

    @Test(
        "anything else is no range",
        arguments: ["", "host", "10.0.0.0/", "10.0.0.0/33", "10.0.0/8", "::/129", "10.0.0.0/-1", "10.0.0.0/+8"])
    func noRanges(text: String) {
        #expect(AddressRange(text) == nil)
    }

    @Test(
        "host and port",
        arguments: [
            ("a.example:80", "a.example", 80), ("[::1]:8080", "::1", 8080), ("10.0.0.1:65535", "10.0.0.1", 65535),
        ])
    func hostAndPort(text: String, host: String, port: Int) {
        #expect(HostAndPort(text) == HostAndPort(host: host, port: port))
        #expect(HostAndPort(text)?.description == text)
    }

    @Test(
        "anything else is no host and port",
        arguments: ["", "a", ":80", "a:", "a:0", "a:65536", "::1:80", "a/b:80", "a b:80"])
    func noHostAndPort(text: String) {
        #expect(HostAndPort(text) == nil)
    }
}
