import CoreMetrics
import FoundationEssentials
import Logging
import PrometheusMetrics
public import Rooms
public import SocketIO

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// A program that is one node of a game: what `rejoin serve` is for the games that come with it.
///
/// It is told everything by the settings of `rejoin serve`, as flags, in the environment and by `--config FILE`, and may be
/// run by `rejoin up --program`. A whole main:
///
/// ```swift
/// @main
/// enum Main {
///     static func main() async {
///         var games = GameCatalog()
///         games.register(Bell(), for: "bell")
///         await NodeProgram(games: games).main()
///     }
/// }
/// ```
public struct NodeProgram: Sendable {
    private let games: GameCatalog
    private let pages: [WebFile]?
    private let namespaces: @Sendable (SocketIOServer, any RecoveryStore) -> Void

    /// - Parameters:
    ///   - games: which game is played in which room.
    ///   - pages: what browsers get beside the client, `/rejoin.js`; `nil`: the pages of the arena.
    ///   - namespaces: as of ``RejoinNode``.
    public init(
        games: GameCatalog, pages: [WebFile]? = nil,
        namespaces: @escaping @Sendable (SocketIOServer, any RecoveryStore) -> Void = { _, _ in }
    ) {
        self.games = games
        self.pages = pages
        self.namespaces = namespaces
    }

    /// Reads the settings, runs the node until SIGTERM, SIGINT or a drain, and ends the process: with 0 when it has drained,
    /// 1 when it failed, 2 when a setting or an argument is wrong, with one line on standard error that says which.
    public func main() async -> Never {
        // A reader of our output that is gone is an error of a write, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        do {
            try await run(Self.configuration(CommandLine.arguments))
            exit(0)
        } catch let error as ConfigurationError {
            StandardStream.write("\(Self.name): \(error.message)\n", to: STDERR_FILENO)
            exit(2)
        } catch {
            StandardStream.write("\(Self.name): \(TerminalText.plain("\(error)"))\n", to: STDERR_FILENO)
            exit(1)
        }
    }

    /// Runs the node with its log on standard error, and says on standard output where it is once it is ready. Once a
    /// process.
    package func run(_ configuration: RejoinConfiguration) async throws {
        _ = try configuration.requireRedis()
        LoggingSystem.bootstrap { label in
            RejoinLogHandler(label: label, level: configuration.log.level, format: configuration.log.format)
        }
        let metrics = PrometheusRegistry()
        MetricsSystem.bootstrap(metrics)
        try await RejoinNode(
            configuration: configuration, games: games, pages: pages, namespaces: namespaces, metrics: metrics,
            logger: Logger(label: "rejoin"),
            onReady: {
                ProgramCode.release()
                StandardStream.write(
                    "rejoin: node \($0.name) ready on \($0.url) (admin \($0.adminURL))\n", to: STDOUT_FILENO)
            }
        ).run()
    }

    /// The word `serve` may come first, as `rejoin` has it.
    private static func configuration(_ arguments: [String]) throws(ConfigurationError) -> RejoinConfiguration {
        var arguments = Array(arguments.dropFirst())
        if arguments.first == "serve" { arguments.removeFirst() }
        let flags = try ConfigurationFlags(extractingFrom: &arguments)
        if arguments.contains("--help") || arguments.contains("-h") {
            StandardStream.write(
                "\(name) [serve] [--config FILE] [--KEY VALUE ...]\n\n\(ConfigurationHelp.text)\n", to: STDOUT_FILENO)
            exit(0)
        }
        if let unknown = arguments.first {
            throw ConfigurationError("\(unknown) is no setting, expected those of --help")
        }
        return try RejoinConfiguration(ConfigurationReader(flags: flags, environment: environment))
    }

    private static var environment: [String: String] { ProcessInfo.processInfo.environment }

    /// As it was called.
    private static var name: String {
        CommandLine.arguments.first?.split(separator: "/").last.map(String.init) ?? "node"
    }
}
