import NIOCore
import Testing
import TestSupport

@testable import EngineIO

@Suite("WebSockets with compression")
struct WebSocketDeflateTransportTests {
    private static let configuration = {
        var configuration = EngineConfiguration()
        configuration.compression = WebSocketCompression(thresholdBytes: 200)
        configuration.maximumPayloadBytes = 4_096
        return configuration
    }()

    private static let offer = RawPeer.upgrade.replacing(
        "\r\n\r\n", with: "\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n")

    /// A peer whose WebSocket is open, and how many bytes the handshake and the open packet took.
    private func opened(_ port: Int, _ request: String) async throws -> (peer: RawPeer, begin: Int) {
        let peer = try await RawPeer.connect(port)
        try await peer.send(request)
        try await eventually { peer.text.contains("maxPayload") && peer.text.hasSuffix("}") }
        return (peer, peer.bytes.count)
    }

    private func events(_ bytes: [UInt8]) -> [WebSocketParser.Event] {
        var parser = WebSocketParser(role: .client, maximumMessageBytes: 1 << 20, inflater: MessageInflater())
        return parser.collect([bytes]).events
    }

    @Test("compression that was offered and agreed on goes both ways, and only for messages that are long enough")
    func bothWays() async throws {
        try await EngineTestServer.run(EchoApplication(), Self.configuration) { port, _ in
            let (peer, begin) = try await opened(port, Self.offer)
            #expect(
                peer.text.contains(
                    "sec-websocket-extensions: permessage-deflate; server_no_context_takeover; "
                        + "client_no_context_takeover\r\n"))
            let deflate = WebSocketDeflate(WebSocketCompression())
            let text = "4" + String(repeating: "tell me again, ", count: 100)
            var frame = ByteBuffer()
            deflate.write(.text, ByteBuffer(string: text), windowBits: 15, into: &frame, maskKey: 0x0908_0706)
            #expect(frame.readableBytes < 100)
            try await peer.send(Array(frame.readableBytesView) + TestFrame.text("4short").wire)
            try await eventually { events(Array(peer.bytes[begin...])).count == 2 }
            let answer = Array(peer.bytes[begin...])
            #expect(answer.first == 0xC1)
            #expect(answer.count < 100)
            #expect(events(answer) == [.text(ByteBuffer(string: text)), .text(ByteBuffer(string: "4short"))])
            try await peer.close()
        }
    }

    @Test("without an offer, or without the setting, every byte is what it was")
    func plain() async throws {
        let text = String(repeating: "a", count: 1_000)
        for (request, configuration) in [
            (RawPeer.upgrade, Self.configuration), (Self.offer, EngineConfiguration()),
        ] {
            try await EngineTestServer.run(EchoApplication(), configuration) { port, _ in
                let (peer, begin) = try await opened(port, request)
                #expect(!peer.text.lowercased().contains("sec-websocket-extensions"))
                try await peer.send(TestFrame.text("4" + text).wire)
                let expected = serverFrame(.text("4" + text))
                try await eventually { Array(peer.bytes[begin...]) == expected }
                try await peer.send(TestFrame(opcode: 1, payload: [0], reservedBits: 4).wire)
                try await eventually { peer.isClosed }
                #expect(peer.bytes.dropFirst(begin + expected.count).prefix(4).dropFirst(2) == [0x03, 0xEA])
            }
        }
    }

    @Test("a zip bomb is a 1009, what is no deflate a 1007", arguments: [1009, 1007] as [UInt16])
    func hostile(code: UInt16) async throws {
        let deflater = MessageDeflater(windowBits: 15, level: 9, memoryLevel: 8)
        let bomb = try #require(deflater.deflate(ByteBuffer(repeating: 0, count: 4_097)))
        let payload = code == 1009 ? Array(bomb.readableBytesView) : [0x07]
        try await EngineTestServer.run(EchoApplication(), Self.configuration) { port, _ in
            let (peer, begin) = try await opened(port, Self.offer)
            try await peer.send(TestFrame(opcode: 1, payload: payload, reservedBits: 4).wire)
            try await eventually { peer.isClosed }
            let answer = Array(peer.bytes[begin...])
            #expect(answer.first == 0x88)
            #expect(answer.dropFirst(2).prefix(2) == [UInt8(code >> 8), UInt8(code & 0xFF)])
        }
    }

    @Test("a malformed offer is a 400, and one that cannot be met opens without")
    func offers() async throws {
        try await EngineTestServer.run(EchoApplication(), Self.configuration) { port, _ in
            let malformed = try await RawPeer.connect(port)
            try await malformed.send(Self.offer.replacing("client_max_window_bits", with: "="))
            try await eventually { malformed.isClosed }
            #expect(malformed.statuses == [400])
            let (peer, _) = try await opened(
                port, Self.offer.replacing("client_max_window_bits", with: "server_max_window_bits=8"))
            #expect(!peer.text.lowercased().contains("sec-websocket-extensions"))
            try await peer.close()
        }
    }
}
