/// The version of this program.
public enum RejoinVersion {
    /// Semantic version, as `rejoin --version` prints it and nodes tell it to each other.
    public static let current = "0.1.0"
}
