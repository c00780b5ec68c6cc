/// The settings among the arguments of a command, taken out before the command's own flags are read.
package struct ConfigurationFlags: Sendable {
    /// Texts by the key's name, as given; the last one counts.
    package private(set) var values: [String: String] = [:]
    /// What `--config` names.
    package private(set) var file: String?

    /// No flags.
    package init() {}

    /// Takes `--key value`, `--key=value`, and `--config FILE` out of `arguments`; what is left is the command's.
    ///
    /// A boolean key needs no value: `--insecure-login`. Nothing after `--` is looked at.
    ///
    /// - Throws: A flag without its value.
    package init(extractingFrom arguments: inout [String]) throws(ConfigurationError) {
        var rest: [String] = []
        var index = 0
        while index < arguments.count {
            let argument = arguments[index]
            index += 1
            guard argument != "--" else {
                rest += arguments[(index - 1)...]
                break
            }
            let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let flag = parts.first.map(String.init) ?? ""
            let key = ConfigurationFlags.byFlag[flag]
            guard flag == "--config" || key != nil else {
                rest.append(argument)
                continue
            }
            let value: String
            let next = index < arguments.count ? arguments[index] : nil
            if parts.count == 2 {
                value = String(parts[1])
            } else if case .boolean? = key?.kind {
                if let next, ConfigurationReader.boolean(next) != nil {
                    value = next
                    index += 1
                } else {
                    value = "true"
                }
            } else if let next, !next.hasPrefix("--") {
                value = next
                index += 1
            } else {
                let expected = key?.kind.expected ?? "a YAML file"
                throw ConfigurationError(key: key, "\(flag) needs a value, expected \(expected)")
            }
            if let key {
                values[key.name] = value
            } else {
                file = value
            }
        }
        arguments = rest
    }

    private static let byFlag = Dictionary(uniqueKeysWithValues: ConfigurationKey.all.map { ($0.flag, $0) })
}
