/// How namespaces are spelled in packets (Socket.IO v5, "Packet encoding").
enum SocketNamespace {
    static func isValid(_ namespace: String) -> Bool {
        namespace.utf8.first == UInt8(ascii: "/") && !namespace.utf8.contains(UInt8(ascii: ","))
    }

    /// What stands before the payload of a packet of the namespace.
    static func prefix(_ namespace: String) -> String { namespace == "/" ? "" : namespace + "," }
}
