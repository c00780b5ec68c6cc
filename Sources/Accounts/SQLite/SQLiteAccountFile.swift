import Glibc

/// The files of a SQLite store on disk: for their owner only.
struct SQLiteAccountFile {
    let path: String

    /// Makes folder and file when they are not there, and takes others' rights away where they are.
    ///
    /// SQLite gives the files beside the database (`-wal`, `-shm`) the database's own mode.
    func prepare() throws(AccountsError) {
        if let slash = self.path.lastIndex(of: "/"), slash != self.path.startIndex {
            try Self.makeFolder(String(self.path[..<slash]))
        }
        // Never opened when it is there: closing it would drop the locks that this process holds on it through SQLite.
        let descriptor = open(self.path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        if descriptor >= 0 {
            close(descriptor)
        } else if errno != EEXIST {
            throw Self.failure("cannot make the accounts file \(self.path)")
        }
        for file in [self.path, self.path + "-wal", self.path + "-shm"] { try Self.restrict(file) }
    }

    /// Does `body` while no other process that asks for the same is doing it.
    func exclusively<Value>(
        timeout: Duration, _ body: () throws(AccountsError) -> Value
    ) throws(AccountsError) -> Value {
        if let slash = self.path.lastIndex(of: "/"), slash != self.path.startIndex {
            try Self.makeFolder(String(self.path[..<slash]))
        }
        let lockPath = self.path + "-lock"
        let descriptor = open(lockPath, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw Self.failure("cannot make the file \(lockPath)") }
        defer { close(descriptor) }
        let deadline = ContinuousClock.now + timeout
        while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
            guard errno == EWOULDBLOCK || errno == EINTR else { throw Self.failure("cannot lock the file \(lockPath)") }
            guard ContinuousClock.now < deadline else {
                throw AccountsError(
                    .unavailable, "another process has been opening \(self.path) for \(timeout); end it, or try again")
            }
            usleep(10_000)
        }
        return try body()
    }

    private static func makeFolder(_ path: String) throws(AccountsError) {
        guard mkdir(path, 0o700) != 0 else { return }
        switch errno {
        case EEXIST:
            return
        case ENOENT:
            guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { break }
            try Self.makeFolder(String(path[..<slash]))
            if mkdir(path, 0o700) == 0 || errno == EEXIST { return }
        default:
            break
        }
        throw Self.failure("cannot make the folder \(path) for accounts")
    }

    private static func restrict(_ path: String) throws(AccountsError) {
        var status = stat()
        guard stat(path, &status) == 0 else {
            if errno == ENOENT { return }
            throw Self.failure("cannot look at the accounts file \(path)")
        }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw AccountsError(.invalidStore, "\(path) is not a file; name a file for accounts")
        }
        guard status.st_mode & 0o077 != 0 else { return }
        guard chmod(path, 0o600) == 0 else {
            throw Self.failure("others may read \(path), which has password hashes in it, and that cannot be changed")
        }
    }

    private static func failure(_ what: String) -> AccountsError {
        let number = errno
        let isFull = number == ENOSPC || number == EDQUOT || number == EMFILE || number == ENFILE
        return AccountsError(
            isFull ? .unavailable : .invalidStore,
            "\(what): \(String(cString: strerror(number))); check the path, its owner and the disk")
    }
}
