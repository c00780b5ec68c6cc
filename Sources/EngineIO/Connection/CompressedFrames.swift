import NIOCore
import Synchronization

/// What a message became for those of its receivers that take compressed ones, by the size of their windows.
///
/// Whoever asks while it is being compressed waits: that takes no longer than to compress it once more.
final class CompressedFrames: Sendable {
    private let made = Mutex<[(windowBits: Int, frames: ByteBuffer)]>([])

    /// The frames for one size of window; made by the first who asks.
    func frames(windowBits: Int, make: () -> ByteBuffer) -> ByteBuffer {
        made.withLock { made in
            if let known = made.first(where: { $0.windowBits == windowBits }) { return known.frames }
            let frames = make()
            made.append((windowBits, frames))
            return frames
        }
    }
}
