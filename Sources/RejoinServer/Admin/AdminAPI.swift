import Accounts
import FoundationEssentials
import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import Sessions
import SocketIO

/// `/api/v1/…`, the admin API: JSON in, JSON out, for programs and `curl`, for no browser. What it is, is in
/// `Web/openapi.json`, which it serves; every change it makes is one line of the log.
struct AdminAPI: RouterMiddleware {
    let parts: NodeParts
    private let access: AdminAccess
    private let refusals: AdminRefusals

    init(_ parts: NodeParts) {
        self.parts = parts
        access = AdminAccess(token: parts.configuration.node.adminToken.map(AdminToken.init))
        refusals = AdminRefusals(logger: parts.logger)
    }

    @concurrent
    func handle(
        _ request: Request, context: VisitorContext,
        next: @concurrent (Request, VisitorContext) async throws -> Response
    ) async throws -> Response {
        let path = request.uri.path
        guard path == "/api" || path.hasPrefix("/api/") else { return try await next(request, context) }
        var response = await answer(request, context)
        response.headers[.xContentTypeOptions] = "nosniff"
        return response
    }

    private func answer(_ request: Request, _ context: VisitorContext) async -> Response {
        let peer = context.peer?.ipAddress.flatMap { IPAddress($0) }
        let pairs = AdminRequest.pairs(inQuery: request.uri.query ?? "")
        let verdict = access.verdict(
            AdminAccess.Question(peer: peer, headers: request.values, parameters: pairs?.map(\.name) ?? []))
        let caller: AdminAccess.Caller
        switch verdict {
        case .allowed(let allowed): caller = allowed
        case .refused(let reason): return refusals.answer(reason, peer: peer?.description ?? "unknown")
        }
        do throws(AdminFailure) {
            let (route, parameters) = try Self.route(request)
            return await carryOut(route, parameters, pairs, request, caller)
        } catch {
            var response = error.response
            if error.status == .methodNotAllowed { response.headers[.allow] = Self.methods(of: request) }
            return response
        }
    }

    /// Does what is asked, and writes a change into the log, whatever became of it.
    private func carryOut(
        _ route: AdminRoute, _ parameters: [String: String], _ pairs: [(name: String, value: String)]?,
        _ request: Request, _ caller: AdminAccess.Caller
    ) async -> Response {
        var target = parameters.values.first ?? ""
        var failure: AdminFailure?
        var response: Response
        do {
            let body =
                route.action == nil ? .emptyObject : try await Self.body(of: request, upTo: maximumBody(of: route))
            let asked = AdminRequest(
                parameters: parameters, query: try Self.query(pairs, of: route), body: body)
            target = asked.target
            response = try await route.answer(self, asked)
        } catch {
            let known = AdminFailure(error) ?? unexpected(error)
            failure = known
            response = known.response
        }
        if let action = route.action {
            parts.logger.notice(
                "audit",
                metadata: [
                    "who": "\(caller.name)", "peer": "\(caller.peer)", "action": "\(action)", "target": "\(target)",
                    "result": "\(failure?.code ?? "done")", "status": "\(response.status.code)",
                ])
        }
        return response
    }

    private func unexpected(_ error: any Error) -> AdminFailure {
        let id = String(UInt64.random(in: .min ... .max), radix: 36)
        parts.logger.error("admin request failed", metadata: ["id": "\(id)", "error": "\(error)"])
        return AdminFailure(
            .internalServerError, "internal", "something went wrong here; the log has it under the id \(id)")
    }

    // MARK: Reading

    private static func segments(of request: Request) throws(AdminFailure) -> [String] {
        let prefix = "/api/v1/"
        guard request.uri.path.hasPrefix(prefix) else {
            throw .notFound("there is nothing under this path; /api/v1/openapi.json tells what there is")
        }
        var segments: [String] = []
        for segment in request.uri.path.dropFirst(prefix.count).split(
            separator: "/", omittingEmptySubsequences: false)
        {
            guard let text = AdminRequest.decoded(segment) else {
                throw .badRequest("the path is not percent-encoded UTF-8")
            }
            segments.append(text)
        }
        return segments
    }

    private static func route(
        _ request: Request
    ) throws(AdminFailure) -> (route: AdminRoute, parameters: [String: String]) {
        let segments = try segments(of: request)
        let candidates = AdminRoute.all.compactMap { route in
            route.parameters(in: segments).map { (route: route, parameters: $0) }
        }
        guard !candidates.isEmpty else {
            throw .notFound("there is nothing under this path; /api/v1/openapi.json tells what there is")
        }
        guard let found = candidates.first(where: { $0.route.method == request.method }) else {
            throw AdminFailure(
                .methodNotAllowed, "method_not_allowed",
                "\(methods(of: request)) is expected under this path")
        }
        return found
    }

    /// What may be asked under the request's path: `GET, DELETE`.
    private static func methods(of request: Request) -> String {
        guard let segments = try? segments(of: request) else { return "" }
        return AdminRoute.all.filter { $0.parameters(in: segments) != nil }.map(\.method.rawValue)
            .joined(separator: ", ")
    }

    /// Every parameter is one that the route knows, once: a misspelled one must not widen what is asked for.
    private static func query(
        _ pairs: [(name: String, value: String)]?, of route: AdminRoute
    ) throws(AdminFailure) -> [String: String] {
        guard let pairs else { throw .badRequest("the query is not percent-encoded UTF-8") }
        var query: [String: String] = [:]
        for (name, value) in pairs {
            guard route.query.contains(name) else {
                let known = route.query.sorted().joined(separator: ", ")
                throw .badRequest(
                    "the query has a parameter that is not known here; "
                        + (known.isEmpty ? "none is expected" : "\(known) may be given"))
            }
            guard query.updateValue(value, forKey: name) == nil else { throw .badRequest("\(name) is given twice") }
        }
        return query
    }

    /// Bytes that the body of such a request may have.
    private func maximumBody(of route: AdminRoute) -> Int {
        switch route.body {
        case .short: 4_096
        case .message: parts.configuration.sockets.maximumPayload
        }
    }

    private static func body(of request: Request, upTo maximum: Int) async throws(AdminFailure) -> JSONBytes {
        let bytes = try await serving { () async throws(RequestFailure) in try await request.bytes(upTo: maximum) }
        guard bytes.readableBytes == 0 || request.isJSON else {
            throw AdminFailure(.unsupportedMediaType, "bad_request", "Content-Type: application/json is expected")
        }
        return try await serving { () async throws(RequestFailure) in try Request.jsonObject(bytes) }
    }

    // MARK: Answering

    func description() -> Response {
        Answer.json(JSONBytes(unchecked: ByteBuffer(bytes: PackageResources.openapi_json)))
    }

    static func json(_ value: some Encodable, status: HTTPResponse.Status = .ok) throws -> Response {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        return Answer.json(
            JSONBytes(unchecked: ByteBuffer(bytes: try encoder.encode(value))), status: status)
    }

    /// The same members as a logout's acknowledgement.
    static func json(_ confirmation: SessionService.Confirmation) -> Response {
        var writer = JSONObjectWriter()
        writer.member(confirmation)
        return Answer.json(writer.finish())
    }

    /// Does what fails as a client's request would.
    static func serving<Result>(
        _ body: () async throws(RequestFailure) -> Result
    ) async throws(AdminFailure) -> Result {
        do throws(RequestFailure) {
            return try await body()
        } catch {
            throw AdminFailure(error)
        }
    }
}

extension AdminFailure {
    fileprivate init(_ failure: RequestFailure) {
        switch failure.code {
        case .unavailable: self = .redisIsAway
        case .tooLarge: self.init(.contentTooLarge, "too_large", failure.message)
        case .badRequest: self = .badRequest(failure.message)
        default: self.init(.internalServerError, "internal", failure.message)
        }
    }
}
