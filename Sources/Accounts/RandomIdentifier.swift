/// Identifiers from the system's generator, in base64url without padding (RFC 4648 5).
enum RandomIdentifier {
    /// 96 bits: 16 characters.
    static func make() -> String {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)
        var generator = SystemRandomNumberGenerator()
        let characters = (0..<16).map { _ in alphabet[Int(generator.next() & 63)] }
        return String(decoding: characters, as: UTF8.self)
    }
}
