/// The table of settings for people.
package enum ConfigurationHelp {
    /// The section of `--help`: every flag with its default, under the headings of the groups.
    package static var text: String {
        var lines = [
            "SETTINGS: flags override the environment, the environment overrides the file of --config FILE (YAML).",
            "--redis-url is REJOIN_REDIS_URL in the environment and redis.url in the file, and so on for each.",
            "Give secrets by environment or file: other users of the machine can see a process's arguments.",
        ]
        for (group, keys) in groups {
            lines += ["", "\(group.rawValue.uppercased()):"]
            for key in keys {
                lines.append("  \(key.flag) (default: \(key.shownDefault))")
                lines.append("      \(key.help); \(key.kind.expected)")
            }
        }
        return lines.joined(separator: "\n")
    }

    /// The tables of the documentation, in Markdown.
    package static var markdown: String {
        var lines: [String] = []
        for (group, keys) in groups {
            lines += ["### \(group.rawValue)", "", "| environment | flag | in the file | default | meaning | takes |"]
            lines.append("|---|---|---|---|---|---|")
            for key in keys {
                lines.append(
                    "| `\(key.environmentName)` | `\(key.flag)` | `\(key.name)` | \(cell(key.shownDefault)) "
                        + "| \(cell(key.help)) | \(cell(key.kind.expected)) |")
            }
            lines.append("")
        }
        return lines.joined(separator: "\n")
    }

    private static var groups: [(ConfigurationKey.Group, [ConfigurationKey])] {
        ConfigurationKey.Group.allCases.map { group in (group, ConfigurationKey.all.filter { $0.group == group }) }
    }

    private static func cell(_ text: String) -> String {
        text.split(separator: "|", omittingEmptySubsequences: false).joined(separator: "\\|")
    }
}
