import Hummingbird
import Logging
import NIOCore
import NIOPosix
import Synchronization
import TestSupport
import Testing

@testable import JSONWebTokens

@Suite("Keys by HTTP")
struct KeyEndpointTests {
    @Test("a key that replaces another at the provider works with its first token, and the other's tokens stop")
    func rotation() async throws {
        let (old, new) = (try await Signer.rs256(id: "old"), try await Signer.rs256(id: "new"))
        try await Provider.run { provider in
            provider.publish(keySet(old))
            try await ProviderKeysTests.with(provider.source()) { verifier, _ in
                try await ProviderKeysTests.expect(old, by: verifier, "jwt:ada")
                try await ProviderKeysTests.expect(old, by: verifier, "jwt:ada")
                #expect(provider.requests == 1)
                provider.publish(keySet(new))
                try await ProviderKeysTests.expect(new, by: verifier, "jwt:ada")
                try await ProviderKeysTests.expect(old, by: verifier, ProviderKeysTests.unknown)
            }
        }
    }

    @Test("tokens that come at once ask the provider once")
    func singleFlight() async throws {
        let signer = try await Signer.eddsa()
        try await Provider.run { provider in
            provider.publish(keySet(signer), after: .milliseconds(200))
            try await ProviderKeysTests.with(provider.source()) { verifier, _ in
                let token = try signer.sign(JSONWebTokenVerifierTests.fit)
                let named = await withTaskGroup(of: String.self) { group in
                    for _ in 0..<50 {
                        group.addTask { await JSONWebTokenVerifierTests.judge(token, verifier) }
                    }
                    return await group.reduce(into: Set()) { $0.insert($1) }
                }
                #expect(named == ["jwt:ada"] && provider.requests == 1)
            }
        }
    }

    @Test("unknown keys do not make a node ask again and again")
    func spacing() async throws {
        let signer = try await Signer.eddsa()
        try await Provider.run { provider in
            provider.publish(keySet(signer))
            var source = provider.source()
            source.times.betweenMisses = .seconds(3_600)
            try await ProviderKeysTests.with(source) { verifier, _ in
                try await ProviderKeysTests.expect(signer, by: verifier, "jwt:ada")
                for id in 0..<20 {
                    let stranger = try await Signer.eddsa(id: "stranger\(id)")
                    try await ProviderKeysTests.expect(stranger, by: verifier, ProviderKeysTests.unknown)
                }
                #expect(provider.requests == 1)
            }
        }
    }

    @Test(
        "a provider that answers anything but keys leaves those that are known",
        arguments: [Provider.Answer.status(500), .status(404), .redirect, .tooLarge, .text("<html>"), .drip])
    func failures(_ answer: Provider.Answer) async throws {
        let (known, other) = (try await Signer.eddsa(id: "known"), try await Signer.eddsa(id: "other"))
        try await Provider.run { provider in
            provider.publish(keySet(known))
            provider.elsewhere(keySet(known, other))
            var source = provider.source()
            source.deadline = .milliseconds(500)
            try await ProviderKeysTests.with(source) { verifier, _ in
                try await ProviderKeysTests.expect(known, by: verifier, "jwt:ada")
                provider.answer(answer)
                try await ProviderKeysTests.expect(other, by: verifier, ProviderKeysTests.unavailable)
                try await ProviderKeysTests.expect(known, by: verifier, "jwt:ada")
                provider.publish(keySet(other))
                try await eventually { try await ProviderKeysTests.judge(other, verifier) == "jwt:ada" }
            }
        }
    }

    @Test("a provider that is away makes tokens unavailable, until it is there")
    func away() async throws {
        let signer = try await Signer.eddsa()
        try await Provider.run { provider in
            provider.publish(keySet(signer))
            var source = provider.source()
            source.url = "http://127.0.0.1:\(freePort())/keys"
            try await ProviderKeysTests.with(source) { verifier, _ in
                try await ProviderKeysTests.expect(signer, by: verifier, ProviderKeysTests.unavailable)
            }
        }
    }

    @Test("what Cache-Control says of freshness")
    func cacheControl() {
        #expect(KeyEndpoint.freshness([]) == nil)
        #expect(KeyEndpoint.freshness(["public"]) == nil)
        #expect(KeyEndpoint.freshness(["public, Max-Age=300, must-revalidate"]) == .seconds(300))
        #expect(KeyEndpoint.freshness(["public", "max-age = \"300\""]) == .seconds(300))
        #expect(KeyEndpoint.freshness(["max-age=300, no-store"]) == .zero)
        #expect(KeyEndpoint.freshness(["max-age=-5"]) == .zero)
        #expect(KeyEndpoint.freshness(["max-age=99999999999999999999"]) == .zero)
        #expect(KeyEndpoint.freshness(["max-age="]) == nil)
        #expect(KeyEndpoint.freshness([",,="]) == nil)
    }
}
