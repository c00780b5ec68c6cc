import HTTPTypes
import Hummingbird
import Sessions

/// What every answer of the public listener tells browsers: no foreign scripts, no guessing of types, no framing.
struct SecurityHeaders: RouterMiddleware {
    let requests: RequestPolicy

    @concurrent
    func handle(
        _ request: Request, context: VisitorContext,
        next: @concurrent (Request, VisitorContext) async throws -> Response
    ) async throws -> Response {
        var response = try await next(request, context)
        response.headers[.xContentTypeOptions] = "nosniff"
        response.headers[Self.referrerPolicy] = "same-origin"
        if requests.visitor(peer: context.peer, headers: request.values).source.scheme == .https {
            response.headers[.strictTransportSecurity] = "max-age=31536000"
        }
        if response.headers[.contentType]?.hasPrefix("text/html") == true {
            response.headers[.contentSecurityPolicy] =
                "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
                + " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        }
        return response
    }

    private static var referrerPolicy: HTTPField.Name { HTTPField.Name("Referrer-Policy")! }
}
