import HTTPTypes
import Hummingbird
import Logging
import Sessions

/// The pages and scripts that the program brings.
struct PageRoutes: Sendable {
    private let sessions: SessionService
    private let requests: RequestPolicy
    private let files: [WebFile]

    /// - Parameter pages: beside the browser client.
    init(sessions: SessionService, requests: RequestPolicy, pages: [WebFile]) {
        self.sessions = sessions
        self.requests = requests
        self.files = WebFile.client + pages
    }

    func add(to router: Router<VisitorContext>) {
        for file in files {
            guard file.path != "index.html" else {
                router.get("/") { request, context in await page(file, request, context) }
                continue
            }
            router.get(RouterPath(file.path)) { request, _ in file.response(to: request) }
        }
    }

    /// The page, with a visitor's first credential. It costs Redis nothing for a guest.
    private func page(_ file: WebFile, _ request: Request, _ context: VisitorContext) async -> Response {
        var response = file.response(to: request)
        let visitor = requests.visitor(peer: context.peer, headers: request.values)
        do throws(CookieError) {
            let cookie = try visitor.cookie.value(in: request.values("cookie"))
            do throws(SessionError) {
                let session = try await sessions.session(of: cookie)
                if let cookie = sessions.cookie(for: session, visitor) {
                    response.headers[.setCookie] = cookie
                    response.headers[.cacheControl] = "no-store"
                }
            } catch {
                // The page is the same for everybody; its socket tells that the session cannot be checked now.
                context.logger.debug("page without a session", metadata: ["error": "\(error)"])
            }
        } catch {
            return Answer.error(error)
        }
        return response
    }
}
