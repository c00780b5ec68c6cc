import ArgumentParser
import Dispatch
import RejoinServer

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Where the program begins: settings are taken out of the arguments, the rest is the command's.
@main
enum Main {
    static func main() {
        // A reader of our output that is gone is an error of a write, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        var arguments = Array(CommandLine.arguments.dropFirst())
        do {
            let flags = try ConfigurationFlags(extractingFrom: &arguments)
            SessionsCommand.setApartHandles(in: &arguments)
            let command = try RejoinCommand.parseAsRoot(arguments)
            try Settings.$flags.withValue(flags) { try run(command) }
        } catch {
            exit(report(error))
        }
    }

    /// Runs the command to its end. `up` keeps the main thread, since its children's lives are tied to that thread.
    private static func run(_ command: any ParsableCommand) throws {
        guard let asynchronous = command as? any AsyncParsableCommand else {
            var command = command
            try command.run()
            exit(0)
        }
        let handover = Handover(command: asynchronous)
        Task {
            var command = handover.command
            do {
                try await command.run()
                exit(0)
            } catch {
                exit(report(error))
            }
        }
        dispatchMain()
    }

    /// A command on its way from the main thread to the task that runs it. `@unchecked` is true: the main thread only
    /// waits from then on.
    private struct Handover: @unchecked Sendable {
        let command: any AsyncParsableCommand
    }

    /// Prints what went wrong, as one line on standard error, or the help that was asked for, on standard output.
    ///
    /// - Returns: The exit code: 0 done, 1 the work failed, 2 wrong usage or configuration.
    private static func report(_ error: any Error) -> Int32 {
        switch error {
        case let error as ConfigurationError:
            Terminal.complain(error.message)
            return 2
        case let error as Failure:
            Terminal.complain(error.message)
            return 1
        case let error as ExitCode:
            return error.rawValue
        default:
            let code = RejoinCommand.exitCode(for: error)
            if code == .success {
                Terminal.say(RejoinCommand.fullMessage(for: error))
                return 0
            }
            let isUsage = code == .validationFailure
            let message = isUsage ? RejoinCommand.message(for: error) : "\(error)"
            Terminal.complain(Terminal.singleLine(message) + (isUsage ? " (see \(help(for: error)))" : ""))
            return isUsage ? 2 : 1
        }
    }

    /// The call that explains the command that was not understood: `rejoin users add --help`.
    private static func help(for error: any Error) -> String {
        let quoted = RejoinCommand.fullMessage(for: error).split(separator: "'")
        return quoted.last { $0.hasPrefix("rejoin ") && $0.hasSuffix("--help") }.map(String.init) ?? "rejoin --help"
    }
}
