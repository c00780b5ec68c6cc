/// A JSON number as the decimal it spells, so that spellings can be compared without rounding: its significant
/// digits, without zeros at either end, and a power of ten.
struct JSONNumber: Equatable {
    private(set) var isNegative = false
    /// Empty for zero.
    private(set) var digits: [UInt8] = []
    /// The value is `0.DIGITS` times ten to this power.
    private(set) var exponent = 0

    /// Powers beyond this are all taken for this one; no double is near it.
    private static let exponentLimit = 1_000_000_000_000

    /// - Parameter bytes: a number of valid spelling.
    init(_ bytes: UnsafeRawBufferPointer) {
        var index = bytes.startIndex
        if bytes.first == UInt8(ascii: "-") {
            isNegative = true
            index += 1
        }
        var isFraction = false
        while index < bytes.endIndex, bytes[index] | 0x20 != UInt8(ascii: "e") {
            let byte = bytes[index]
            index += 1
            if byte == UInt8(ascii: ".") {
                isFraction = true
            } else if digits.isEmpty, byte == UInt8(ascii: "0") {
                if isFraction { exponent -= 1 }
            } else {
                digits.append(byte &- UInt8(ascii: "0"))
                if !isFraction { exponent += 1 }
            }
        }
        while digits.last == 0 { digits.removeLast() }
        if index < bytes.endIndex {
            exponent += Self.power(UnsafeRawBufferPointer(rebasing: bytes[(index + 1)...]))
        }
        if digits.isEmpty {
            isNegative = false
            exponent = 0
        }
    }

    private static func power(_ bytes: UnsafeRawBufferPointer) -> Int {
        var power = 0
        for byte in bytes where byte &- UInt8(ascii: "0") < 10 {
            power = min(power * 10 + Int(byte &- UInt8(ascii: "0")), exponentLimit)
        }
        return bytes.first == UInt8(ascii: "-") ? -power : power
    }

    /// A double can hold it, if rounded.
    var isFinite: Bool {
        guard exponent >= 309 else { return true }
        guard exponent == 309 else { return false }
        // The least decimal that rounds to infinity is an integer of 309 digits: more need not be looked at.
        var text = "0."
        for digit in digits.prefix(400) { text.unicodeScalars.append(Unicode.Scalar(digit &+ UInt8(ascii: "0"))) }
        return Double(text + "e309")?.isFinite ?? false
    }

    /// The integer it is, if it is one in the range of `Int`.
    var int: Int? {
        guard digits.count <= exponent || digits.isEmpty, exponent <= 19 else { return nil }
        var value = 0
        for position in 0..<exponent {
            let digit = position < digits.count ? Int(digits[position]) : 0
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, overflows) =
                isNegative
                ? product.subtractingReportingOverflow(digit) : product.addingReportingOverflow(digit)
            if overflow || overflows { return nil }
            value = sum
        }
        return value
    }
}
