import ArgumentParser
import RejoinServer

/// `rejoin doctor`: whether everything that a cluster needs is fit for it.
struct DoctorCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor",
        abstract: "Checks Redis, the accounts, this machine and the settings.",
        discussion: """
            Run it with the settings of a node, where that node runs. It says of each thing what is, what is expected and \
            what to do: ok, warn (it works, and you should know) or FAIL.

            Exit code 1 when something is unfit (FAIL), 0 with warnings.
            """)

    @OptionGroup var output: OutputOptions

    func run() async throws {
        let configuration = try Settings.requiredClusterConfiguration()
        let findings = try await Doctor(configuration).examine()
        if output.json {
            try output.print(findings)
        } else {
            let width = findings.map(\.check.count).max() ?? 0
            for finding in findings {
                Terminal.say(Self.line(finding, width: width))
            }
        }
        if findings.contains(where: { $0.verdict == .fail }) { throw ExitCode(1) }
    }

    /// `warn  redis.persistence  appendonly no; expected …; do …`
    static func line(_ finding: Finding, width: Int) -> String {
        let verdict =
            switch finding.verdict {
            case .ok: "ok  "
            case .warn: "warn"
            case .fail: "FAIL"
            }
        let check = finding.check + String(repeating: " ", count: width - finding.check.count)
        var text = finding.found
        if !finding.expected.isEmpty { text += "; expected: \(finding.expected)" }
        if !finding.advice.isEmpty { text += "; to do: \(finding.advice)" }
        return "\(verdict)  \(check)  \(Terminal.singleLine(text))"
    }
}
