public import EngineIO
import NIOHTTP1

extension EngineHandshake {
    /// The value of a header, such as `origin` or `user-agent`, in whatever case its name is written; of a repeated one the
    /// first.
    public func header(_ name: String) -> String? {
        head.headers.first(name: name)
    }
}
