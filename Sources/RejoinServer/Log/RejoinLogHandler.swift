#if canImport(FoundationEssentials)
import FoundationEssentials
#else
import Foundation
#endif
public import Logging
import NIOCore
import SocketIO

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Writes the log to standard error, one line an event: as text for people, or as JSON for collectors.
///
/// Whatever a value holds, it cannot begin a line of its own or colour a terminal.
public struct RejoinLogHandler: LogHandler {
    public var logLevel: Logger.Level
    public var metadata: Logger.Metadata = [:]
    public var metadataProvider: Logger.MetadataProvider?
    private let label: String
    private let format: RejoinConfiguration.Log.Format

    public init(label: String, level: Logger.Level, format: RejoinConfiguration.Log.Format) {
        self.label = label
        self.logLevel = level
        self.format = format
    }

    public subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    public func log(event: LogEvent) {
        var all = metadata
        if let provided = metadataProvider?.get() {
            all.merge(provided) { $1 }
        }
        if let own = event.metadata {
            all.merge(own) { $1 }
        }
        let pairs = all.sorted { $0.key < $1.key }
        var line: String
        switch format {
        case .text:
            line = "\(Self.time) \(event.level.rawValue) \(TerminalText.plain("\(event.message)"))"
            for (key, value) in pairs {
                line += " \(key)=\(Self.value("\(value)"))"
            }
            line += "\n"
        case .json:
            var writer = JSONObjectWriter()
            writer.member("time", string: Self.time)
            writer.member("level", string: event.level.rawValue)
            writer.member("message", string: "\(event.message)")
            for (key, value) in pairs where !["time", "level", "message"].contains(key) {
                writer.member(key, string: "\(value)")
            }
            line = TerminalText.escaped(json: String(buffer: writer.finish().buffer)) + "\n"
        }
        // One call a line: lines of several threads do not mix.
        line.withUTF8 { text in
            var rest = UnsafeRawBufferPointer(text)
            while !rest.isEmpty {
                let count = write(STDERR_FILENO, rest.baseAddress, rest.count)
                guard count > 0 else { return }  // nobody reads the log any more: the work goes on
                rest = UnsafeRawBufferPointer(rebasing: rest[count...])
            }
        }
    }

    private static var time: String {
        Date().formatted(Date.ISO8601FormatStyle(includingFractionalSeconds: true))
    }

    /// Quoted where it would not be one value otherwise, so that nobody's name begins a key of its own.
    private static func value(_ text: String) -> String {
        let text = TerminalText.plain(text)
        guard text.isEmpty || text.utf8.contains(where: { " \"\\".utf8.contains($0) }) else { return text }
        let escaped = text.unicodeScalars.reduce(into: String.UnicodeScalarView()) { escaped, scalar in
            if scalar == "\"" || scalar == "\\" { escaped.append("\\") }
            escaped.append(scalar)
        }
        return "\"\(String(escaped))\""
    }
}
