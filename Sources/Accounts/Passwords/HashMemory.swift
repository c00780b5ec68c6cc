import Glibc

/// The memory of a hash, which a thread may keep from one hash to the next: a fifth of a hash's time is the kernel's,
/// to hand out 19 MiB of zeroes. libargon2 overwrites it after each hash.
enum HashMemory {
    private struct Kept {
        var bytes: UnsafeMutableRawPointer?
        var count = 0
    }

    private static let key: pthread_key_t = {
        var key = pthread_key_t()
        let result = pthread_key_create(&key, nil)
        precondition(result == 0, "no key for what a thread keeps: \(result)")
        return key
    }()

    /// Lets this thread keep the memory of its hashes while it does some work; to be used by one that hashes a lot.
    static func keeping(_ work: () -> Void) {
        let kept = UnsafeMutablePointer<Kept>.allocate(capacity: 1)
        kept.initialize(to: Kept())
        pthread_setspecific(key, kept)
        work()
        release()
        pthread_setspecific(key, nil)
        kept.deinitialize(count: 1)
        kept.deallocate()
    }

    /// Gives back what this thread keeps.
    static func release() {
        guard let kept = kept else { return }
        free(kept.pointee.bytes)
        kept.pointee = Kept()
    }

    /// For `argon2_context`: 0, or an error code.
    static func allocate(_ memory: UnsafeMutablePointer<UnsafeMutablePointer<UInt8>?>?, _ count: Int) -> CInt {
        guard let kept = kept else {
            memory?.pointee = malloc(count)?.assumingMemoryBound(to: UInt8.self)
            return memory?.pointee == nil ? -22 : 0
        }
        if kept.pointee.count < count {
            release()
            kept.pointee = Kept(bytes: malloc(count), count: count)
            if kept.pointee.bytes == nil { kept.pointee.count = 0 }
        }
        memory?.pointee = kept.pointee.bytes?.assumingMemoryBound(to: UInt8.self)
        return kept.pointee.bytes == nil ? -22 : 0
    }

    /// For `argon2_context`.
    static func deallocate(_ memory: UnsafeMutablePointer<UInt8>?, _ count: Int) {
        if kept == nil { free(memory) }
    }

    private static var kept: UnsafeMutablePointer<Kept>? {
        pthread_getspecific(key)?.assumingMemoryBound(to: Kept.self)
    }
}
