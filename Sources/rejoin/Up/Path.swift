import FoundationEssentials

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// Files and folders, by their paths.
enum Path {
    static func absolute(_ path: String) -> String {
        path.hasPrefix("/") ? path : FileManager.default.currentDirectoryPath + "/" + path
    }

    /// A program of that name in `PATH`, or where system programs are that are not in everybody's `PATH`.
    static func find(_ program: String) -> String? {
        let path = ProcessInfo.processInfo.environment["PATH"] ?? ""
        let folders = path.split(separator: ":").map(String.init) + ["/usr/local/sbin", "/usr/sbin", "/sbin"]
        return folders.lazy.map { "\($0)/\(program)" }.first { access($0, X_OK) == 0 }
    }

    /// Why a file cannot be run; nil: it can.
    static func obstacle(toRunning file: String) -> String? {
        var isFolder = false
        if FileManager.default.fileExists(atPath: file, isDirectory: &isFolder), isFolder {
            return "it is a folder"
        }
        return access(file, X_OK) == 0 ? nil : String(cString: strerror(errno))
    }

    /// The file of this program.
    static func executable() throws -> String {
        do {
            return try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        } catch {
            throw Failure("the program's own file is not found: \(error)")
        }
    }

    /// Makes a folder that only this user may look into.
    static func makePrivateFolder(_ path: String) throws {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            let code = ((error as? CocoaError)?.underlying as? POSIXError)?.code.rawValue
            throw Failure(
                "the folder \(path) cannot be made: \(code.map { String(cString: strerror($0)) } ?? "\(error)"); "
                    + "--data gives another one")
        }
        guard chmod(path, 0o700) == 0, access(path, W_OK) == 0 else {
            throw Failure("the folder \(path) is not writable: \(String(cString: strerror(errno)))")
        }
    }

    /// Replaces a file as a whole, readable by this user alone.
    static func writePrivately(_ bytes: some Collection<UInt8>, to path: String) throws {
        let new = "\(path).new"
        unlink(new)
        let descriptor = open(new, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Failure("\(new) cannot be written: \(String(cString: strerror(errno)))") }
        let count = Array(bytes).withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
        close(descriptor)
        guard count == bytes.count, rename(new, path) == 0 else {
            throw Failure("\(path) cannot be written: \(String(cString: strerror(errno)))")
        }
    }
}
