import Configuration
import FoundationEssentials
import Synchronization

/// The settings of a YAML file: `redis: {url: …}`, `redis.url: …`, and lists as sequences or comma-separated.
struct ConfigurationFile {
    let path: String
    /// Texts by the key's name.
    let values: [String: String]

    /// Reads a file of at most 1 MiB.
    ///
    /// - Throws: A file that cannot be read, is not YAML, names an unknown key, or names a key twice.
    init(path: String) throws(ConfigurationError) {
        guard let handle = FileManager.default.contents(atPath: path) else {
            throw ConfigurationError("\(path): the file of --config cannot be read")
        }
        guard handle.count <= 1_048_576 else {
            throw ConfigurationError("\(path): the file of --config is larger than 1 MiB")
        }
        try self.init(path: path, contents: handle)
    }

    /// Where the file ends to be YAML, as `: line 3, column 1`, when that is known. What stands there may be a secret, and
    /// the parser's own message shows it.
    private static func place(of error: any Error) -> String {
        let parts = "\(error)".split(separator: ":", maxSplits: 2)
        guard parts.count == 3, let line = Int(parts[0]), let column = Int(parts[1]) else { return "" }
        return ": line \(line), column \(column)"
    }

    init(path: String, contents: Data) throws(ConfigurationError) {
        self.path = path
        guard contents.contains(where: { !UInt8.isWhitespace($0) }) else {
            values = [:]
            return
        }
        // A snapshot answers for keys that are asked for and lists none: the question whether a key is secret is put
        // for each key of the file, and so tells what is in it.
        let names = Mutex<[String]>([])
        let snapshot: YAMLSnapshot
        do {
            let options = YAMLSnapshot.ParsingOptions(
                secretsSpecifier: .dynamic { name, _ in
                    names.withLock { $0.append(name) }
                    return true
                })
            snapshot = try YAMLSnapshot(data: contents.bytes, providerName: path, parsingOptions: options)
        } catch {
            throw ConfigurationError("\(path): not a YAML file of keys and values\(Self.place(of: error))")
        }
        var values: [String: String] = [:]
        for name in names.withLock({ $0 }) {
            guard let key = ConfigurationKey.named(name) else {
                let hint = ConfigurationKey.nearest(to: name).map { ", \($0.name) may be meant" } ?? ""
                throw ConfigurationError("\(path): unknown key \(name)\(hint)")
            }
            guard values[key.name] == nil else {
                throw ConfigurationError("\(path): \(key.name) is given twice")
            }
            values[key.name] = Self.text(of: AbsoluteConfigKey([name]), in: snapshot)
        }
        self.values = values
    }

    /// A scalar as it is written, or a sequence with commas. The snapshot holds nothing else.
    private static func text(of key: AbsoluteConfigKey, in snapshot: YAMLSnapshot) -> String {
        if case .string(let text)? = (try? snapshot.value(forKey: key, type: .string))?.value?.content {
            return text
        }
        if case .stringArray(let items)? = (try? snapshot.value(forKey: key, type: .stringArray))?.value?.content {
            return items.joined(separator: ",")
        }
        return ""
    }
}

extension UInt8 {
    fileprivate static func isWhitespace(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }
}
