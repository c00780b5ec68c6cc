import SocketIO

/// The name of a field, compared by its bytes as Redis does. (Strings are equal when they are canonically equivalent.)
struct FieldName: Hashable, Sendable {
    let text: String

    init(_ text: String) {
        self.text = text
    }

    static func == (left: Self, right: Self) -> Bool {
        left.text.hasBytes(of: right.text)
    }

    func hash(into hasher: inout Hasher) {
        let isDone: Void? = text.utf8.withContiguousStorageIfAvailable {
            hasher.combine(bytes: UnsafeRawBufferPointer($0))
        }
        if isDone == nil {
            for byte in text.utf8 { hasher.combine(byte) }
        }
    }
}
