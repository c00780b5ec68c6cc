import HTTPTypes
import Hummingbird
import NIOCore
import Sessions
import SocketIO

extension Request {
    /// Whether the body is said to be JSON.
    var isJSON: Bool {
        let type = headers[.contentType]?.prefix { $0 != ";" } ?? ""
        return type.filter { $0 != " " }.lowercased() == "application/json"
    }

    /// Reads the body, a JSON object; none at all is an empty one.
    ///
    /// - Parameter maximum: bytes.
    /// - Throws: `too_large`, `bad_request`.
    func jsonObject(upTo maximum: Int) async throws(RequestFailure) -> JSONBytes {
        try Self.jsonObject(try await bytes(upTo: maximum))
    }

    /// Reads the body.
    ///
    /// - Throws: `too_large`.
    func bytes(upTo maximum: Int) async throws(RequestFailure) -> ByteBuffer {
        do {
            return try await body.collect(upTo: maximum)
        } catch {
            throw RequestFailure(.tooLarge, "a body of at most \(maximum) bytes is expected")
        }
    }

    /// Reads a JSON object; no bytes at all are an empty one.
    ///
    /// - Throws: `bad_request`.
    static func jsonObject(_ bytes: ByteBuffer) throws(RequestFailure) -> JSONBytes {
        if bytes.readableBytes == 0 { return .emptyObject }
        let json: JSONBytes
        do throws(JSONError) {
            json = try JSONBytes(validating: bytes)
        } catch {
            throw RequestFailure(.badRequest, "the body is no JSON: \(error.message)")
        }
        guard json.kind == .object else {
            throw RequestFailure(.badRequest, "a JSON object is expected")
        }
        return json
    }
}
