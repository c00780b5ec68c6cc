import Crypto
import HTTPTypes
import Hummingbird
import NIOCore

/// A file that is part of the program, as browsers get it.
struct WebFile: Sendable {
    let path: String
    private let type: String
    private let bytes: ByteBuffer
    private let tag: String

    private init(_ path: String, _ type: String, _ bytes: [UInt8]) {
        self.path = path
        self.type = type
        self.bytes = ByteBuffer(bytes: bytes)
        let digest = SHA256.hash(data: bytes).prefix(12)
        tag = "\"" + digest.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined() + "\""
    }

    static let index = WebFile("index.html", "text/html; charset=utf-8", PackageResources.index_html)
    static let all = [
        index,
        WebFile("rejoin.js", "text/javascript; charset=utf-8", PackageResources.rejoin_js),
        WebFile("rejoin.d.ts", "text/plain; charset=utf-8", PackageResources.rejoin_d_ts),
        WebFile("arena.js", "text/javascript; charset=utf-8", PackageResources.arena_js),
        WebFile("board.js", "text/javascript; charset=utf-8", PackageResources.board_js),
        WebFile("arena.css", "text/css; charset=utf-8", PackageResources.arena_css),
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
