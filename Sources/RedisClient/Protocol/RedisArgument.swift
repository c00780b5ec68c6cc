public import NIOCore

/// One argument of a command: any bytes; text is sent as UTF-8, an integer in decimal digits.
public enum RedisArgument: Sendable, Hashable, ExpressibleByStringLiteral, ExpressibleByIntegerLiteral {
    case string(String)
    case bytes(ByteBuffer)
    case integer(Int)

    public init(stringLiteral value: String) {
        self = .string(value)
    }

    public init(integerLiteral value: Int) {
        self = .integer(value)
    }
}

/// Commands as arrays of byte strings (RESP2, "Sending commands to a Redis server").
extension ByteBuffer {
    mutating func writeRedisCommand(_ command: String, _ arguments: [RedisArgument]) {
        self.writeRedisArrayHeader(1 + arguments.count)
        self.writeRedisString(command)
        for argument in arguments { self.writeRedisArgument(argument) }
    }

    /// `EVALSHA digest count key … argument …`, or `EVAL source …`.
    package mutating func writeRedisScript(
        _ script: RedisScript, withSource: Bool, keys: [String], arguments: [RedisArgument]
    ) {
        self.writeRedisArrayHeader(3 + keys.count + arguments.count)
        if withSource {
            self.writeRedisString("EVAL")
            script.source.withUnsafeBytes { self.writeRedisBytes($0) }
        } else {
            self.writeRedisString("EVALSHA")
            self.writeRedisString(script.sha1)
        }
        self.writeRedisArgument(.integer(keys.count))
        for key in keys { self.writeRedisString(key) }
        for argument in arguments { self.writeRedisArgument(argument) }
    }

    mutating func writeRedisArgument(_ argument: RedisArgument) {
        switch argument {
        case .string(let text): self.writeRedisString(text)
        case .bytes(let bytes): bytes.withUnsafeReadableBytes { self.writeRedisBytes($0) }
        case .integer(let number): self.writeRedisInteger(number)
        }
    }

    mutating func writeRedisString(_ text: String) {
        // Without a copy of the string and its reference counts, as nearly all strings allow.
        let isWritten: Void? = text.utf8.withContiguousStorageIfAvailable {
            self.writeRedisBytes(UnsafeRawBufferPointer($0))
        }
        if isWritten == nil { Array(text.utf8).withUnsafeBytes { self.writeRedisBytes($0) } }
    }

    // A command has dozens of arguments: each is put into the buffer in one go, and no number becomes a `String`.

    private mutating func writeRedisArrayHeader(_ count: Int) {
        let digits = decimalLength(count)
        self.writeWithUnsafeMutableBytes(minimumWritableBytes: digits + 3) { target in
            target.putHeader(UInt8(ascii: "*"), count, digits)
        }
    }

    private mutating func writeRedisBytes(_ bytes: UnsafeRawBufferPointer) {
        let digits = decimalLength(bytes.count)
        self.writeWithUnsafeMutableBytes(minimumWritableBytes: digits + bytes.count + 5) { target in
            let start = target.putHeader(UInt8(ascii: "$"), bytes.count, digits)
            UnsafeMutableRawBufferPointer(rebasing: target[start...]).copyMemory(from: bytes)
            return target.putLineEnd(at: start + bytes.count)
        }
    }

    private mutating func writeRedisInteger(_ number: Int) {
        let length = decimalLength(number)
        let digits = decimalLength(length)
        self.writeWithUnsafeMutableBytes(minimumWritableBytes: digits + length + 5) { target in
            let start = target.putHeader(UInt8(ascii: "$"), length, digits)
            target.putDecimal(number, length, at: start)
            return target.putLineEnd(at: start + length)
        }
    }
}

/// Each returns where the next byte goes.
extension UnsafeMutableRawBufferPointer {
    /// The first line of an array or of a byte string.
    fileprivate func putHeader(_ type: UInt8, _ count: Int, _ digits: Int) -> Int {
        self[0] = type
        self.putDecimal(count, digits, at: 1)
        return self.putLineEnd(at: 1 + digits)
    }

    fileprivate func putLineEnd(at index: Int) -> Int {
        self[index] = UInt8(ascii: "\r")
        self[index + 1] = UInt8(ascii: "\n")
        return index + 2
    }

    fileprivate func putDecimal(_ number: Int, _ length: Int, at start: Int) {
        var rest = number.magnitude
        var index = start + length
        repeat {
            index -= 1
            let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
            self[index] = UInt8(ascii: "0") + UInt8(digit)
            rest = quotient
        } while rest != 0
        if number < 0 { self[start] = UInt8(ascii: "-") }
    }
}

private func decimalLength(_ number: Int) -> Int {
    var length = number < 0 ? 2 : 1
    var rest = number.magnitude / 10
    while rest != 0 {
        length += 1
        rest /= 10
    }
    return length
}
