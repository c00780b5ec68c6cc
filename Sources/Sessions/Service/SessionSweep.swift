import EngineIO
import Logging
import NIOCore
import ServiceLifecycle
import SocketIO

/// Looks after the sessions that are in use on this node: slides their idle life in batches, and notices within one round
/// what no message told: a session that expired, was evicted or deleted by hand.
package struct SessionSweep: Service {
    let service: SessionService

    package init(_ service: SessionService) {
        self.service = service
    }

    package func run() async throws {
        await cancelWhenGracefulShutdown {
            while true {
                do {
                    try await Task.sleep(for: self.service.configuration.sweepInterval)
                } catch {
                    return
                }
                await self.service.sweep()
            }
        }
        // The sockets have been sent away.
        await service.tellSeats()
    }
}

extension SessionService {
    /// One round over every session in use here.
    func sweep() async {
        await tellSeats()
        let touches = await indexes.gather { $0.touches }
        for touches in touches where !touches.isEmpty {
            do throws(SessionError) {
                let states = Array(zip(touches, try await store.touch(touches.map(\.touch))))
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
                logger.debug("sessions not swept", metadata: ["error": "\(error)"])
            }
        }
    }
}
