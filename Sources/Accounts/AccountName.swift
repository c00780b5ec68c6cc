import Foundation

/// The name of an account: what its owner wrote, and the key that makes it unique.
///
/// A name has 1 to 64 characters in at most 128 bytes of UTF-8. It is what can be seen: no control, bidirectional,
/// zero-width or other format characters, none that is private or unknown to Unicode; no space at its ends, and only
/// single ordinary spaces inside.
///
/// The key is the name in NFKC, case folded (by Unicode's full, locale-independent mappings: lower, upper, lower) and
/// in NFKC again; keys are compared by their UTF-8 bytes. So names that differ only in case, in composed or decomposed
/// accents, or in compatibility forms (full width, ligatures) are one account, and so are `ß` and `ss`, `ı` and `i`.
public struct AccountName: Sendable, Hashable {
    /// The name as it was written.
    public let written: String
    /// The normalised form.
    public let key: String

    /// The most characters (grapheme clusters) of a name.
    public static let maximumCharacters = 64
    /// The most bytes of a name in UTF-8.
    public static let maximumBytes = 128

    /// - Throws: `badName`, with what is wrong.
    public init(_ written: String) throws(AccountsError) {
        guard !written.isEmpty else { throw Self.bad("it is empty") }
        // Bytes first: what is cheap to check comes before what is not.
        guard written.utf8.count <= Self.maximumBytes else {
            throw Self.bad("it has \(written.utf8.count) bytes")
        }
        guard written.count <= Self.maximumCharacters else {
            throw Self.bad("it has \(written.count) characters")
        }
        var previousIsSpace = true
        for scalar in written.unicodeScalars {
            guard !Self.isHidden(scalar) else {
                throw Self.bad("it has the character \(Self.codePoint(scalar)) in it, which cannot be seen")
            }
            guard scalar == " " || !scalar.properties.isWhitespace else {
                throw Self.bad("it has the white space \(Self.codePoint(scalar)) in it")
            }
            guard scalar != " " || !previousIsSpace else {
                throw Self.bad("it begins with a space or has two in a row")
            }
            previousIsSpace = scalar == " "
        }
        guard !previousIsSpace else { throw Self.bad("it ends with a space") }
        self.written = written
        self.key = Self.normalised(written)
    }

    static func normalised(_ name: String) -> String {
        name.precomposedStringWithCompatibilityMapping
            .lowercased().uppercased().lowercased()
            .precomposedStringWithCompatibilityMapping
    }

    private static func isHidden(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.properties.generalCategory {
        case .control, .format, .surrogate, .privateUse, .unassigned, .lineSeparator, .paragraphSeparator:
            true
        default:
            // Fillers, joiners and variation selectors, which are not in the category of format characters.
            scalar.properties.isDefaultIgnorableCodePoint
        }
    }

    private static func codePoint(_ scalar: Unicode.Scalar) -> String {
        let hexadecimal = String(scalar.value, radix: 16, uppercase: true)
        return "U+" + String(repeating: "0", count: max(0, 4 - hexadecimal.count)) + hexadecimal
    }

    private static func bad(_ what: String) -> AccountsError {
        AccountsError(
            .badName,
            """
            this name cannot be used: \(what); a name has 1 to \(Self.maximumCharacters) visible characters, at most \
            \(Self.maximumBytes) bytes, and single spaces only between words
            """)
    }
}
