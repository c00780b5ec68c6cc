import JSONWebTokens
import ServiceLifecycle
import UnixSignals

/// Reads the identity provider's keys anew when the process gets SIGHUP.
struct KeyReloadService: Service {
    let keys: ProviderKeys

    func run() async throws {
        for await _ in await UnixSignalsSequence(trapping: .sighup).cancelOnGracefulShutdown() {
            keys.reload()
        }
    }
}
