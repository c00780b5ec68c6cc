import AsyncHTTPClient
import FoundationEssentials
import NIOCore
import NIOHTTP1

/// A key set behind an address, as identity providers publish it (the `jwks_uri` of OpenID Connect Discovery).
struct KeyEndpoint: KeySource {
    var url: String
    let eventLoopGroup: any EventLoopGroup
    /// How long an answer may take, to its last byte.
    var deadline = Duration.seconds(5)
    var times = KeyRefreshTimes(
        usual: .seconds(600), betweenMisses: .seconds(10), firstRetry: .seconds(1), lastRetry: .seconds(30))

    /// Without the query, which may be a secret.
    var description: String { String(url.prefix { $0 != "?" }) }

    func withReader(_ body: @Sendable (any KeyReader) async throws -> Void) async throws {
        var configuration = HTTPClient.Configuration()
        // The keys are those of this address: whom it sends us to is nobody that the operator named.
        configuration.redirectConfiguration = .disallow
        configuration.timeout.connect = .seconds(3)
        // When to try again is decided where failures are counted.
        configuration.connectionPool.retryConnectionEstablishment = false
        let client = HTTPClient(eventLoopGroupProvider: .shared(eventLoopGroup), configuration: configuration)
        do {
            try await body(Reader(url: url, deadline: deadline, client: client))
        } catch {
            try await client.shutdown()
            throw error
        }
        try await client.shutdown()
    }

    /// How long an answer says that it is fresh (RFC 9111 5.2.2).
    static func freshness(_ cacheControl: [String]) -> Duration? {
        var freshness: Duration?
        for directive in cacheControl.joined(separator: ",").split(separator: ",") {
            let parts = directive.filter { $0 != " " && $0 != "\t" }.lowercased().split(separator: "=", maxSplits: 1)
            switch parts.first {
            case "no-store", "no-cache": return .zero
            case "max-age" where parts.count == 2:
                let seconds = Int32(parts[1].filter { $0 != "\"" }) ?? 0
                freshness = .seconds(max(0, Int(seconds)))
            default: break
            }
        }
        return freshness
    }

    private struct Reader: KeyReader {
        let url: String
        let deadline: Duration
        let client: HTTPClient

        func read() async throws(JSONWebTokenError) -> PublishedKeys {
            do {
                return try await withThrowingTaskGroup(of: PublishedKeys?.self) { group in
                    group.addTask { try await self.fetch() }
                    group.addTask {
                        try await Task.sleep(for: deadline)
                        return nil
                    }
                    defer { group.cancelAll() }
                    guard case let keys?? = try await group.next() else {
                        throw JSONWebTokenError(.unavailable, "no whole answer within \(deadline)")
                    }
                    return keys
                }
            } catch let error as JSONWebTokenError {
                throw error
            } catch {
                let text = "\(error)"
                // What BoringSSL calls it, with a line of its source, tells nobody what to do.
                throw JSONWebTokenError(
                    .unavailable,
                    text.contains("CERTIFICATE_VERIFY_FAILED")
                        ? "its certificate is not signed by an authority that the system trusts, or is out of date"
                        : "the request failed: \(text)")
            }
        }

        private func fetch() async throws -> PublishedKeys {
            var request = HTTPClientRequest(url: url)
            request.headers.add(name: "accept", value: "application/jwk-set+json, application/json")
            let response = try await client.execute(request, timeout: .seconds(5))
            guard response.status == .ok else {
                throw JSONWebTokenError(
                    .unavailable, "the answer is \(response.status.code), 200 is expected (no redirect is followed)")
            }
            let body: ByteBuffer
            do {
                body = try await response.body.collect(upTo: KeySetDocument.maximumBytes)
            } catch is NIOTooManyBytesError {
                throw JSONWebTokenError(
                    .unavailable, "the answer is larger than \(KeySetDocument.maximumBytes) bytes")
            }
            return PublishedKeys(
                bytes: Data(body.readableBytesView),
                freshFor: KeyEndpoint.freshness(response.headers[canonicalForm: "cache-control"].map(String.init)))
        }
    }
}
