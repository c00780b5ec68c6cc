import NIOCore
import Testing

@testable import EngineIO

@Suite struct UpgradeProbeTests {
    private func packet(_ text: String) throws -> EnginePacket {
        try #require(EnginePacket(text: ByteBuffer(string: text)))
    }

    @Test("a probe is answered, an upgrade packet switches, and then everything is the session's")
    func upgrade() throws {
        var probe = UpgradeProbe()
        #expect(try probe.received(packet("2probe")) == .answerProbe)
        #expect(!probe.isUpgraded)
        #expect(try probe.received(packet("5")) == .upgrade)
        #expect(probe.isUpgraded)
        for text in ["4a", "2probe", "5", "1", "3"] { #expect(try probe.received(packet(text)) == .pass) }
        #expect(probe.received(.binary(ByteBuffer())) == .pass)
    }

    @Test(
        "anything else fails, and nothing repairs it",
        arguments: ["2", "2prob", "2probes", "5", "4a", "3probe", "1", "6", "0"])
    func wrongProbe(text: String) throws {
        var probe = UpgradeProbe()
        #expect(try probe.received(packet(text)) == .fail)
        #expect(try probe.received(packet("2probe")) == .fail)
        #expect(probe.received(.binary(ByteBuffer())) == .fail)
    }

    @Test("after the probe only the upgrade packet counts", arguments: ["2probe", "4a", "5x", "3", "1"])
    func wrongUpgrade(text: String) throws {
        var probe = UpgradeProbe()
        #expect(try probe.received(packet("2probe")) == .answerProbe)
        #expect(try probe.received(packet(text)) == .fail)
        #expect(try probe.received(packet("5")) == .fail)
        #expect(!probe.isUpgraded)
    }
}
