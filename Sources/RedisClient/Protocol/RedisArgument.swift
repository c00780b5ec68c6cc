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
            self.writeRedisHeader(UInt8(ascii: "$"), script.source.count)
            self.writeBytes(script.source)
            self.writeStaticString("\r\n")
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
        case .string(let text):
            self.writeRedisString(text)
        case .bytes(let bytes):
            self.writeRedisHeader(UInt8(ascii: "$"), bytes.readableBytes)
            self.writeImmutableBuffer(bytes)
            self.writeStaticString("\r\n")
        case .integer(let number):
            self.writeRedisHeader(UInt8(ascii: "$"), decimalLength(number))
            self.writeDecimal(number)
            self.writeStaticString("\r\n")
        }
    }

    mutating func writeRedisString(_ text: String) {
        self.writeRedisHeader(UInt8(ascii: "$"), text.utf8.count)
        self.writeString(text)
        self.writeStaticString("\r\n")
    }

    private mutating func writeRedisArrayHeader(_ count: Int) {
        self.writeRedisHeader(UInt8(ascii: "*"), count)
    }

    private mutating func writeRedisHeader(_ type: UInt8, _ count: Int) {
        self.writeInteger(type)
        self.writeDecimal(count)
        self.writeStaticString("\r\n")
    }

    /// Digits straight into the buffer: a command has a handful of numbers, and a `String` for each is what would show.
    private mutating func writeDecimal(_ number: Int) {
        let length = decimalLength(number)
        self.writeWithUnsafeMutableBytes(minimumWritableBytes: length) { bytes in
            var rest = number.magnitude
            var index = length
            repeat {
                index -= 1
                let (quotient, digit) = rest.quotientAndRemainder(dividingBy: 10)
                bytes[index] = UInt8(ascii: "0") + UInt8(digit)
                rest = quotient
            } while rest != 0
            if number < 0 { bytes[0] = UInt8(ascii: "-") }
            return length
        }
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
