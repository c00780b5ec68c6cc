import FoundationEssentials

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// `DATA/cluster.json`: what the other commands need to find a running `up` cluster. Readable by its user alone.
struct ClusterFile: Codable {
    struct Node: Codable {
        var name: String
        /// `http://HOST:PORT` of the public listener.
        var address: String
        /// `http://HOST:PORT` of the admin listener.
        var admin: String
        var pid: Int32
    }

    /// Of `up` itself.
    var pid: Int32
    /// With its password.
    var redisURL: String
    /// Where players come in; `nil` without HAProxy.
    var proxy: String?
    var nodes: [Node]

    static func path(inData data: String) -> String { "\(data)/cluster.json" }

    /// The cluster whose `up` runs on the data folder now. `nil` when none does: a file that was left behind tells of
    /// the dead.
    static func living(inData data: String) throws -> ClusterFile? {
        guard DataLock.isHeld(inData: data) else { return nil }
        let path = path(inData: data)
        guard let contents = FileManager.default.contents(atPath: path) else { return nil }
        do {
            return try JSONDecoder().decode(ClusterFile.self, from: contents)
        } catch {
            throw Failure("\(path) is not the file of a running cluster: \(error)")
        }
    }

    func write(inData data: String) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        try Path.writePrivately(encoder.encode(self), to: Self.path(inData: data))
    }

    static func remove(inData data: String) {
        unlink(path(inData: data))
    }
}

/// One `up` a data folder: a lock that ends with the process, however it ends.
struct DataLock: ~Copyable {
    private let descriptor: Int32

    /// - Throws: ``Failure`` when another `up` has it.
    init(data: String) throws {
        let path = Self.path(inData: data)
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Failure("\(path) cannot be opened: \(String(cString: strerror(errno)))") }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw Failure("another `rejoin up` runs on \(data), stop it or give another folder by --data")
        }
        self.descriptor = descriptor
    }

    deinit { close(descriptor) }

    static func path(inData data: String) -> String { "\(data)/up.lock" }

    static func isHeld(inData data: String) -> Bool {
        let descriptor = open(path(inData: data), O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return flock(descriptor, LOCK_SH | LOCK_NB) != 0
    }
}
