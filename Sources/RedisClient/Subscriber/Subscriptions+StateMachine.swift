import DequeModule
import NIOCore

extension Subscriptions {
    /// What was asked over a connection and not confirmed yet, and whether the server is still there.
    struct StateMachine {
        /// A wish's number tells a subscription from one that was ended before.
        typealias WishID = Int

        private enum Expected {
            case subscribed(RedisChannel, WishID)
            case unsubscribed(RedisChannel)
            case pong
        }

        enum PushAction: Equatable {
            case nothing
            case deliver(RedisChannel, ByteBuffer)
            case confirm(RedisChannel, WishID)
            case refuse(RedisChannel, WishID, RedisError.Code, String)
            case close(String)
        }

        enum TimerAction: Equatable {
            case setTimer(NIODeadline)
            /// Write a `PING`, and set the timer.
            case ping(timer: NIODeadline)
            case closeSilent
        }

        /// A connection that is silent for this long is asked with `PING`.
        static let pingInterval = TimeAmount.seconds(5)
        /// How long the server may be silent while something was asked.
        static let patience = TimeAmount.seconds(3)

        private var expected = Deque<Expected>()
        private var lastHeard: NIODeadline
        /// When something was first asked after nothing was.
        private var waitingSince: NIODeadline

        init(now: NIODeadline) {
            self.lastHeard = now
            self.waitingSince = now
        }

        mutating func subscribeSent(_ channel: RedisChannel, _ wish: WishID, now: NIODeadline) {
            self.expect(.subscribed(channel, wish), now: now)
        }

        mutating func unsubscribeSent(_ channel: RedisChannel, now: NIODeadline) {
            self.expect(.unsubscribed(channel), now: now)
        }

        mutating func heard(now: NIODeadline) {
            self.lastHeard = now
        }

        mutating func pushReceived(_ push: Push) -> PushAction {
            switch push {
            case .message(let channel, let payload):
                return .deliver(channel, payload)
            case .subscribed(let channel):
                guard case .subscribed(channel, let wish) = self.expected.popFirst() else {
                    return .close("redis confirmed a subscription that was not asked for")
                }
                return .confirm(channel, wish)
            case .unsubscribed(let channel):
                guard case .unsubscribed(channel) = self.expected.popFirst() else {
                    return .close("redis ended a subscription")
                }
                return .nothing
            case .pong:
                guard case .pong = self.expected.popFirst() else {
                    return .close("an answer that was not asked for")
                }
                return .nothing
            case .error(let code, let message):
                guard case .subscribed(let channel, let wish) = self.expected.popFirst() else {
                    return .close("\(code) \(message)")
                }
                return .refuse(channel, wish, .server(code), message)
            case .unknown:
                return .close("a reply that does not belong to a subscription")
            }
        }

        mutating func timerFired(now: NIODeadline) -> TimerAction {
            if !self.expected.isEmpty {
                let end = max(self.lastHeard, self.waitingSince) + Self.patience
                return now >= end ? .closeSilent : .setTimer(end)
            }
            let next = self.lastHeard + Self.pingInterval
            guard now >= next else {
                // Whatever is asked until then is checked in time, too.
                return .setTimer(min(next, now + Self.patience))
            }
            self.expect(.pong, now: now)
            return .ping(timer: now + Self.patience)
        }

        private mutating func expect(_ answer: Expected, now: NIODeadline) {
            if self.expected.isEmpty { self.waitingSince = now }
            self.expected.append(answer)
        }
    }
}
