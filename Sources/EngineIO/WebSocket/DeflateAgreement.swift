/// What a server and a client agreed on for permessage-deflate (RFC 7692, 7.1): neither side remembers anything from
/// one message to the next.
package struct DeflateAgreement: Sendable, Equatable {
    /// The base-2 logarithm of the window that the server compresses with, 9 to 15.
    package let windowBits: Int
    /// Whether the client asked for a limit of the window, and is to be told ours.
    private let isWindowAsked: Bool

    /// The value of `Sec-WebSocket-Extensions` in the server's answer.
    ///
    /// The client's window is not limited: to inflate, every size is the same to us.
    package var headerValue: String {
        "permessage-deflate; server_no_context_takeover; client_no_context_takeover"
            + (self.isWindowAsked ? "; server_max_window_bits=\(self.windowBits)" : "")
    }

    /// The first offer that can be met; nil when there is none, and the WebSocket goes on without.
    static func first(
        of offers: [WebSocketExtensionOffer], _ compression: WebSocketCompression
    ) -> DeflateAgreement? {
        for offer in offers where offer.name == "permessage-deflate" {
            if let agreement = DeflateAgreement(offer, compression) {
                return agreement
            }
        }
        return nil
    }

    /// Nil: declined. RFC 7692, 7.1, wants that for an unknown parameter, one given twice, a value that is none of the
    /// parameter's, and for what the server cannot do.
    private init?(_ offer: WebSocketExtensionOffer, _ compression: WebSocketCompression) {
        var seen: Set<String> = []
        var windowBits = compression.windowBits
        for parameter in offer.parameters {
            guard seen.insert(parameter.name).inserted else { return nil }
            switch parameter.name {
            case "server_no_context_takeover", "client_no_context_takeover":
                guard parameter.value == nil else { return nil }
            case "client_max_window_bits":
                guard parameter.value == nil || Self.bits(parameter.value) != nil else { return nil }
            case "server_max_window_bits":
                // zlib has no raw window of 8 bits.
                guard let bits = Self.bits(parameter.value), bits >= 9 else { return nil }
                windowBits = min(windowBits, bits)
            default:
                return nil
            }
        }
        self.windowBits = windowBits
        self.isWindowAsked = seen.contains("server_max_window_bits")
    }

    /// 8 to 15 in decimal digits, without a leading zero (RFC 7692, 7.1.2).
    private static func bits(_ value: String?) -> Int? {
        guard let value, let bits = Int(value), (8...15).contains(bits), value == String(bits) else { return nil }
        return bits
    }
}
