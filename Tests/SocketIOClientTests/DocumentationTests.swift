import FoundationEssentials
import Testing

// docs/client-swift.md shows what stands between the two marks.
// begin
import SocketIO
import SocketIOClient

struct Score: Codable, Sendable {
    let player: String
    let points: Int
}

/// Says a score, and returns the first one that it hears.
func playOnce(at url: String, name: String) async throws -> Score? {
    let client = SocketIOClient(.init(url: url, transports: [.websocket]))
    let game = client.socket("/game", auth: .each { try JSONBytes(encoding: ["name": name]) })
    let rank: Int = try await game.call("score", Score(player: name, points: 3))
    print("rank \(rank) as \(game.id ?? "nobody")")
    defer { game.disconnect() }
    for await event in game.events where event.name == "scored" {
        return try event.decode(Score.self)
    }
    return nil
}
// end

@Suite("Documentation", .timeLimit(.minutes(1)))
struct DocumentationTests {
    @Test("the example of docs/client-swift.md works")
    func example() async throws {
        try await ChatServer.run("a") { url in
            let score = try await playOnce(at: url, name: "ada")
            #expect(score?.player == "ada" && score?.points == 3)
        }
    }

    @Test("docs/client-swift.md shows the example as it is here")
    func shown() throws {
        let tests = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast()
        let source = try String(contentsOfFile: #filePath, encoding: .utf8)
        let page = try String(
            contentsOfFile: (tests.dropLast(2) + ["docs", "client-swift.md"]).joined(separator: "/"), encoding: .utf8)
        let lines = source.split(separator: "\n", omittingEmptySubsequences: false)
        let begin = try #require(lines.firstIndex(of: "// begin"))
        let end = try #require(lines.firstIndex(of: "// end"))
        let example = lines[(begin + 1)..<end].joined(separator: "\n")
        #expect(page.contains("```swift\n\(example)\n```"))
    }
}
