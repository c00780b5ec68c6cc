extension RejoinConfiguration {
    /// How much of what a client, a room or the node may use; each is told in the error and counted.
    public struct Limits: Sendable {
        /// Messages of one socket a second. Default: 20.
        public var messagesPerSecond: Int
        /// Messages of one socket at once. Default: 40.
        public var messageBurst: Int
        /// Open sockets of one session. Default: 20.
        public var socketsPerSession: Int
        /// Rooms one socket may be in. Default: 16.
        public var roomsPerSocket: Int
        /// A connection without a Socket.IO CONNECT closes after so long. Default: 45 s.
        public var connectTimeout: Duration
        /// Handshakes a second that this node admits. Default: 4,000.
        public var handshakesPerSecond: Int
        /// Handshakes that wait to be admitted. Default: 8,192.
        public var handshakeQueue: Int
        /// Bytes queued for a slow socket before one snapshot takes the place of its patches. Default: 1 MiB.
        public var socketQueueBytes: Int
        /// A socket with a full queue and no progress closes after so long. Default: 10 s.
        public var slowSocketTimeout: Duration
        /// The body of a polling request may take so long. Default: 10 s.
        public var payloadTimeout: Duration
        /// A WebSocket may take so long to replace polling. Default: 10 s.
        public var upgradeTimeout: Duration
        /// Requests and WebSockets that are passed on to other nodes at once. Default: 4,096.
        public var relays: Int
        public var login: Login
        public var room: Room
        /// Bytes of a password. Default: 8 to 256.
        public var passwordBytes: ClosedRange<Int>
        /// Logins that wait for a hashing thread. Default: 256.
        public var hashingQueue: Int
        /// Logouts and revocations of 15 minutes that a node keeps. Default: 100,000.
        public var endings: Int
        /// Sessions of a user that are looked at in a second for its lists of devices. Default: 200.
        public var listedPerSecond: Int
    }

    /// Failed logins in a window of time, counted for the whole cluster.
    public struct Login: Sendable {
        /// To an account from one address. Default: 5.
        public var failuresPerAccountAndAddress: Int
        /// From one address. Default: 50.
        public var failuresPerAddress: Int
        /// To an account from addresses that never logged in to it. Default: 100.
        public var failuresPerAccount: Int
        /// The window, and the longest wait. Default: 15 min.
        public var window: Duration
    }

    /// How large a room may be.
    public struct Room: Sendable {
        /// Default: 1,024.
        public var fields: Int
        /// Default: 16 KiB.
        public var fieldBytes: Int
        /// Default: 256 KiB.
        public var bytes: Int
        /// Rooms that one user begins in an hour. Default: 500.
        public var newPerHour: Int
        /// Changes that are kept for those who come back. Default: 1,000.
        public var logEntries: Int
    }

    static func limits(_ reader: ConfigurationReader) throws(ConfigurationError) -> Limits {
        let shortest = try reader.integer(.limitPasswordMinimum)
        let longest = try reader.integer(.limitPasswordMaximum)
        guard shortest <= longest else {
            throw reader.error(.limitPasswordMinimum, "is more than limit.password-maximum (\(longest))")
        }
        let limits = Limits(
            messagesPerSecond: try reader.integer(.limitMessages),
            messageBurst: try reader.integer(.limitBurst),
            socketsPerSession: try reader.integer(.limitSocketsPerSession),
            roomsPerSocket: try reader.integer(.limitRoomsPerSocket),
            connectTimeout: try reader.duration(.limitConnectTimeout),
            handshakesPerSecond: try reader.integer(.limitHandshakes),
            handshakeQueue: try reader.integer(.limitHandshakeQueue),
            socketQueueBytes: try reader.integer(.limitSocketQueue),
            slowSocketTimeout: try reader.duration(.limitSlowSocket),
            payloadTimeout: try reader.duration(.limitPayloadTime),
            upgradeTimeout: try reader.duration(.limitUpgradeTime),
            relays: try reader.integer(.limitRelays),
            login: Login(
                failuresPerAccountAndAddress: try reader.integer(.limitLoginAccountAddress),
                failuresPerAddress: try reader.integer(.limitLoginAddress),
                failuresPerAccount: try reader.integer(.limitLoginAccount),
                window: try reader.duration(.limitLoginWindow)),
            room: Room(
                fields: try reader.integer(.limitRoomFields),
                fieldBytes: try reader.integer(.limitRoomFieldBytes),
                bytes: try reader.integer(.limitRoomBytes),
                newPerHour: try reader.integer(.limitNewRooms),
                logEntries: try reader.integer(.limitRoomLog)),
            passwordBytes: shortest...longest,
            hashingQueue: try reader.integer(.limitHashingQueue),
            endings: try reader.integer(.limitEndings),
            listedPerSecond: try reader.integer(.limitListedSessions))
        guard limits.room.fieldBytes <= limits.room.bytes else {
            throw reader.error(.limitRoomFieldBytes, "is more than limit.room-bytes (\(limits.room.bytes))")
        }
        guard limits.room.bytes <= limits.socketQueueBytes else {
            throw reader.error(
                .limitSocketQueue, "is less than limit.room-bytes (\(limits.room.bytes)), the size of a snapshot")
        }
        return limits
    }
}
