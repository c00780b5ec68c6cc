import RejoinServer
import Rooms

/// One node of pong: `pong` is a room, and so is each name that begins with `pong:`.
@main
enum Main {
    static func main() async {
        var games = GameCatalog()
        games.register(Pong(), for: "pong")
        let pages = [
            WebFile("index.html", PackageResources.index_html),
            WebFile("pong.js", PackageResources.pong_js),
            WebFile("pong.css", PackageResources.pong_css),
        ]
        await NodeProgram(games: games, pages: pages).main()
    }
}
