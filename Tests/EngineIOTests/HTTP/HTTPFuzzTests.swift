import NIOCore
import NIOHTTP1
import TestSupport
import Testing

@testable import EngineIO

@Suite("Mutated requests")
struct HTTPFuzzTests {
    private struct Wrong: Error, CustomStringConvertible {
        let description: String
    }

    /// Bytes that memory may grow by in the course of a test.
    private static let mostGrowth = 32 << 20

    private static func text(_ offer: WebSocketExtensionOffer) -> String {
        var text = offer.name
        for parameter in offer.parameters {
            text += "; " + parameter.name
            if let value = parameter.value { text += "=" + value }
        }
        return text
    }

    @Test("an offer of extensions is read or refused, and what was read is written and read again")
    func extensions() throws {
        let offers = [
            "permessage-deflate; client_max_window_bits, permessage-deflate",
            "permessage-deflate; server_max_window_bits=10; server_no_context_takeover",
            #"foo; bar="b\az"; quux, permessage-deflate;client_max_window_bits="12""#,
        ].map { Array($0.utf8) }
        var fuzz = Fuzz(seed: 31)
        var (read, agreed) = (0, 0)
        for round in 0..<Fuzz.rounds {
            let line = String(decoding: fuzz.mutant(of: offers), as: UTF8.self)
            guard let list = try? WebSocketExtensionOffer.list(line) else { continue }
            read += 1
            let again = list.map(Self.text).joined(separator: ", ")
            guard try WebSocketExtensionOffer.list(again) == list else {
                throw Wrong(description: "round \(round): \(line) is not \(again)")
            }
            guard let agreement = DeflateAgreement.first(of: list, WebSocketCompression(windowBits: 12)) else {
                continue
            }
            agreed += 1
            guard 9...12 ~= agreement.windowBits else { throw Wrong(description: "round \(round): \(line)") }
        }
        #expect(read > Fuzz.rounds / 10 && read < Fuzz.rounds)
        #expect(agreed > Fuzz.rounds / 20 && agreed < read)
    }

    @Test("the head of an upgrade is agreed on or refused with a status, and never traps")
    func heads() throws {
        let values = [
            "keep-alive, Upgrade", "websocket", "13", "dGhlIHNhbXBsZSBub25jZQ==", "permessage-deflate", "0", "chunked",
        ].map { Array($0.utf8) }
        let uris = ["/socket.io/?EIO=4&transport=websocket&sid=n1.aB_-9", "/socket.io?EIO=4&transport=polling&t=%41"]
            .map { Array($0.utf8) }
        var fuzz = Fuzz(seed: 32)
        var statuses: Set<Int> = []
        let growth = try Fuzz.memoryGrowth(rounds: Fuzz.headRounds) { _ in
            var head = HTTPRequestHead(
                version: .http1_1, method: .GET, uri: String(decoding: fuzz.mutant(of: uris), as: UTF8.self),
                headers: [
                    "connection": "Upgrade", "upgrade": "websocket", "sec-websocket-version": "13",
                    "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==", "sec-websocket-extensions": "permessage-deflate",
                ])
            let names = [
                "connection", "upgrade", "sec-websocket-version", "sec-websocket-key", "sec-websocket-extensions",
                "content-length", "transfer-encoding",
            ]
            let name = names[fuzz.below(names.count)]
            let value = String(decoding: fuzz.mutant(of: values), as: UTF8.self)
            if fuzz.below(3) == 0 {
                head.headers.add(name: name, value: value)
            } else {
                head.headers.replaceOrAdd(name: name, value: value)
            }
            do throws(UpgradeRequest.Refusal) {
                let agreement = try UpgradeRequest.agree(head, compression: WebSocketCompression())
                statuses.insert(agreement.accept.utf8.count == 28 ? 101 : 0)
            } catch {
                statuses.insert(error.status)
            }
            do throws(EngineError) {
                _ = try EngineRequest(head)
            } catch {
                statuses.insert(error.status)
            }
        }
        #expect(statuses == [101, 400, 426])
        #expect(growth < Self.mostGrowth)
    }

    @Test("a packet of Engine.IO is what its first byte says, and the rest is untouched")
    func packets() throws {
        let packets = ["4hello", "2probe", "3", #"42["a",1]"#, "6", "0{}"].map { Array($0.utf8) }
        var fuzz = Fuzz(seed: 33)
        let growth = try Fuzz.memoryGrowth(rounds: Fuzz.enginePacketRounds) { round in
            let bytes = fuzz.mutant(of: packets)
            guard let packet = EnginePacket(text: ByteBuffer(bytes: bytes)) else {
                if let first = bytes.first, 0x30...0x36 ~= first {
                    throw Wrong(description: "round \(round): refused \(bytes)")
                }
                return
            }
            guard case .text(let type, let payload) = packet,
                [type.rawValue] + Array(payload.readableBytesView) == bytes
            else { throw Wrong(description: "round \(round): \(bytes) is not \(packet)") }
        }
        #expect(growth < Self.mostGrowth)
    }

    @Test("a server answers or closes whatever head comes, and lives on")
    func server() async throws {
        let offer = RawPeer.upgrade.replacing(
            "\r\n\r\n", with: "\r\nSec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n")
        let heads = [
            RawPeer.upgrade, offer, "GET /page HTTP/1.1\r\nHost: a\r\n\r\n",
            "POST /page HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello" + RawPeer.upgrade,
            "POST /page HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        ].map { Array($0.utf8) }
        var configuration = EngineConfiguration()
        configuration.compression = WebSocketCompression()
        configuration.handshakesPerSecond = 1_000_000
        try await EngineTestServer.run(EchoApplication(), configuration) { port, engine in
            var fuzz = Fuzz(seed: 34)
            var statuses: Set<Int> = []
            for _ in 0..<Fuzz.rounds / 500 {
                let mutants = (0..<50).map { _ in fuzz.mutant(of: heads) }
                try await withThrowingTaskGroup(of: [Int].self) { group in
                    for mutant in mutants {
                        group.addTask {
                            let peer = try await RawPeer.connect(port)
                            // A peer that was refused may be gone before it has sent all.
                            try? await peer.send(mutant)
                            try? await peer.closeHalf()
                            try await eventually { peer.isClosed }
                            return peer.statuses
                        }
                    }
                    for try await heard in group { statuses.formUnion(heard) }
                }
            }
            #expect(statuses.isSuperset(of: [101, 200, 400]))
            let last = try await RawPeer.connect(port)
            try await last.send(RawPeer.upgrade)
            try await eventually { last.text.contains("maxPayload") }
            try await last.close()
        }
    }
}
