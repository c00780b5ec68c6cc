import Crypto
import HTTPTypes
import Hummingbird
import NIOCore

/// A file that is part of the program, as browsers get it.
public struct WebFile: Sendable {
    /// Where it is, without the first slash.
    public let path: String
    private let type: String
    private let bytes: ByteBuffer
    private let tag: String

    /// - Parameters:
    ///   - path: `NAME.EXTENSION`; `index.html` is what `/` shows. The extension says what it is: `html`, `js`, `css`, `svg`,
    ///     `png`, `json` or `txt`.
    ///   - bytes: as a rule one of the target's `PackageResources`.
    public init(_ path: String, _ bytes: [UInt8]) {
        self.init(path, Self.type(of: path), bytes)
    }

    private init(_ path: String, _ type: String, _ bytes: [UInt8]) {
        self.path = path
        self.type = type
        self.bytes = ByteBuffer(bytes: bytes)
        let digest = SHA256.hash(data: bytes).prefix(12)
        tag = "\"" + digest.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() + "\""
    }

    private static func type(of path: String) -> String {
        switch path.split(separator: ".").last {
        case "html": "text/html; charset=utf-8"
        case "js": "text/javascript; charset=utf-8"
        case "css": "text/css; charset=utf-8"
        case "svg": "image/svg+xml"
        case "png": "image/png"
        case "json": "application/json"
        case "txt", "ts": "text/plain; charset=utf-8"
        default: "application/octet-stream"
        }
    }

    /// The pages of the arena.
    static let arena = [
        WebFile("index.html", PackageResources.index_html),
        WebFile("arena.js", PackageResources.arena_js),
        WebFile("board.js", PackageResources.board_js),
        WebFile("arena.css", PackageResources.arena_css),
    ]
    /// The browser client, whatever the game.
    static let client = [
        WebFile("rejoin.js", PackageResources.rejoin_js),
        WebFile("rejoin.d.ts", PackageResources.rejoin_d_ts),
    ]

    /// The file, or 304 when the browser has it.
    func response(to request: Request) -> Response {
        var headers: HTTPFields = [.eTag: tag, .cacheControl: "no-cache"]
        if request.headers[values: .ifNoneMatch].contains(tag) {
            return Response(status: .notModified, headers: headers)
        }
        headers[.contentType] = type
        return Response(status: .ok, headers: headers, body: ResponseBody(byteBuffer: bytes))
    }
}
