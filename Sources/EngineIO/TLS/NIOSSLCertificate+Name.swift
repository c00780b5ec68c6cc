import NIOSSL

extension NIOSSLCertificate {
    /// Whether it is for this DNS name (RFC 6125, 6.4). Asked after NIOSSL's own check, which lets a certificate for the
    /// connection's address pass for one of any name; a certificate without alternative names was judged there.
    func isFor(_ name: String) -> Bool {
        let wanted = (name.hasSuffix(".") ? name.dropLast() : name[...]).lowercased()
        let parent = wanted.firstIndex(of: ".").map { wanted[$0...] }
        let names = _subjectAlternativeNames()
        return names.isEmpty
            || names.contains { alternative in
                guard alternative.nameType == .dnsName else { return false }
                let text = alternative.contents.withUnsafeBufferPointer { String(decoding: $0, as: UTF8.self) }
                    .lowercased()
                return text == wanted || text.hasPrefix("*.") && text.dropFirst() == parent
            }
    }
}
