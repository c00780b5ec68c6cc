import EngineIO
import Logging
import NIOCore
import RedisClient
import ServiceLifecycle
import SocketIO
import Synchronization

/// Looks after the sessions that are in use on this node: slides their idle life in batches, and notices within one round
/// what no message told: a session that expired, was evicted or deleted by hand.
package struct SessionSweep: Service {
    /// Which sessions a round is about.
    enum Sessions {
        case all
        case loggedIn
    }

    let service: SessionService

    package init(_ service: SessionService) {
        self.service = service
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            await withDiscardingTaskGroup { group in
                let (rounds, round) = AsyncStream.makeStream(of: Sessions.self, bufferingPolicy: .bufferingOldest(4))
                // Logins may not be there any more. Who only watches is not concerned.
                self.service.onOtherRedis { round.yield(.loggedIn) }
                let isWhole = Atomic(true)
                group.addTask {
                    // What could not be asked is asked again soon: it is noticed within 30 s all the same, unless Redis
                    // stays away.
                    for part in 1... {
                        guard (try? await Task.sleep(for: self.service.sweepInterval / 4)) != nil else { return }
                        if part.isMultiple(of: 4) || !isWhole.load(ordering: .relaxed) { round.yield(.all) }
                    }
                }
                for await sessions in rounds {
                    isWhole.store(await self.service.sweep(sessions), ordering: .relaxed)
                }
            }
        }
        // The sockets have been sent away.
        await service.tellSeats()
    }
}

extension SessionService {
    /// From one round to the next: 20 s, less where the idle life is so short that it would end in between.
    var sweepInterval: Duration {
        max(.milliseconds(300), min(configuration.sweepInterval, store.life.idle / 3))
    }

    /// Calls a handler whenever this node is connected to another Redis than before, on an event loop.
    func onOtherRedis(_ handler: @escaping @Sendable () -> Void) {
        let known = Mutex<String?>(nil)
        store.redis.onConnection { server in
            let former = known.withLock { known in
                defer { known = server.replicationID }
                return known
            }
            if let former, former != server.replicationID { handler() }
        }
    }

    /// One round over the sessions in use here.
    ///
    /// - Returns: Whether Redis could be asked about all of them.
    func sweep(_ sessions: SessionSweep.Sessions) async -> Bool {
        await tellSeats()
        var isWhole = true
        let touches = await indexes.gather { index in
            sessions == .all ? index.touches : index.touches.filter { $0.touch.known?.userID != nil }
        }
        for touches in touches where !touches.isEmpty {
            do throws(SessionError) {
                let states = zip(touches, try await store.touch(touches.map(\.touch))).filter { $1 != .asKnown }
                if states.isEmpty { continue }
                _ = await indexes.gather { index in
                    for (known, state) in states {
                        for socket in index.sockets(of: known.touch.handle) {
                            // What came or was made after the question is none of this answer's.
                            guard let identity = socket.session?.identity, identity.generation <= known.generation
                            else { continue }
                            self.apply(state, to: socket, socket.session?.loginGuard)
                        }
                    }
                }
            } catch {
                isWhole = false
                logger.debug("sessions not swept", metadata: ["error": "\(error)"])
            }
        }
        return isWhole
    }
}
