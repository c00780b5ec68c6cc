import HTTPTypes
import Hummingbird
import Logging

/// Answers what no route answered as every error is answered: `{"error":CODE,"message":TEXT}`. A HEAD gets the head alone
/// (RFC 9110, 9.3.2): whoever stands between would take a body for the next answer.
struct ErrorAnswers<Context: RequestContext>: RouterMiddleware {
    @concurrent
    func handle(
        _ request: Request, context: Context, next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        let response = await answer(request, context: context, next: next)
        return request.method == .head ? response.createHeadResponse() : response
    }

    @concurrent
    private func answer(
        _ request: Request, context: Context, next: @concurrent (Request, Context) async throws -> Response
    ) async -> Response {
        do {
            return try await next(request, context)
        } catch let error as HTTPError where error.status == .notFound {
            return Answer.error("not_found", "there is nothing under this path and method", status: .notFound)
        } catch let error as HTTPError where error.status.kind == .clientError {
            return Answer.error("bad_request", error.body ?? error.status.reasonPhrase, status: error.status)
        } catch {
            let id = String(UInt64.random(in: .min ... .max), radix: 36)
            context.logger.error("request failed", metadata: ["id": "\(id)", "error": "\(error)"])
            return Answer.error(
                "internal", "something went wrong here; the log has it under the id \(id)", status: .internalServerError
            )
        }
    }
}
