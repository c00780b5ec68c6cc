#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// What a signal handler puts back. Unsafe is true to the facts: it is written before the handlers that read it are
/// installed, by the one thread that asks.
nonisolated(unsafe) private var terminalBefore = termios()

/// Passwords from a person, without echo, or from a pipe.
enum PasswordPrompt {
    /// The first line of standard input, of at most 4,096 bytes, without its line break.
    static func fromStandardInput() throws -> String {
        guard let line = try line() else {
            throw Failure("no password on standard input, expected it as the first line")
        }
        return line
    }

    /// Asks twice without echo.
    ///
    /// - Throws: ``Failure`` when standard input is no terminal or the two differ.
    static func askTwice() throws -> String {
        guard isatty(STDIN_FILENO) == 1 else {
            throw Failure("standard input is no terminal, give the password with --password-stdin")
        }
        let first = try ask("Password: ")
        guard try ask("Again: ") == first else { throw Failure("the two passwords differ, nothing was changed") }
        return first
    }

    private static func ask(_ question: String) throws -> String {
        var settings = termios()
        guard tcgetattr(STDIN_FILENO, &settings) == 0 else {
            throw Failure("the terminal cannot be asked: \(String(cString: strerror(errno)))")
        }
        // An interrupt in between must not leave the shell without echo.
        terminalBefore = settings
        let endings = [SIGINT, SIGTERM, SIGHUP, SIGQUIT]
        for number in endings {
            signal(number) { number in
                tcsetattr(STDIN_FILENO, TCSANOW, &terminalBefore)
                _exit(128 + number)
            }
        }
        var silent = settings
        silent.c_lflag &= ~tcflag_t(ECHO)
        tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent)
        defer {
            tcsetattr(STDIN_FILENO, TCSAFLUSH, &settings)
            for number in endings { signal(number, SIG_DFL) }
            Terminal.ask("\n")
        }
        Terminal.ask(question)
        guard let answer = try line() else { throw Failure("no password was given") }
        return answer
    }

    /// One line, byte for byte: what comes after it stays unread.
    private static func line() throws -> String? {
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while bytes.count <= 4_096 {
            let count = read(STDIN_FILENO, &byte, 1)
            if count < 0 && errno == EINTR { continue }
            guard count == 1 else {
                if bytes.isEmpty { return nil }
                break
            }
            if byte == UInt8(ascii: "\n") { break }
            bytes.append(byte)
        }
        if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
        guard bytes.count <= 4_096, let text = String(validating: bytes, as: UTF8.self) else {
            throw Failure("the password is longer than 4096 bytes or not UTF-8")
        }
        return text
    }
}
