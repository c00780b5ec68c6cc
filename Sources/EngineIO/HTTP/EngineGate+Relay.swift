import CoreMetrics
import NIOCore
import NIOHTTP1

/// Requests for sessions of other nodes: passed on to them, once.
extension EngineGate: RelayClient {
    /// Judges what a request says of having been passed on by another node.
    ///
    /// - Returns: Whether it may go on.
    func checkPass(_ request: EngineGateRequest) -> Bool {
        let values = request.head.headers[RelayPass.headerName]
        guard !values.isEmpty, let peers = loop.configuration.peers else { return true }
        guard
            let pass = RelayPass(
                values, request.head, receiver: loop.configuration.nodeName, now: peers.now, by: peers)
        else {
            loop.counters.relaysForged.increment()
            answer(.refusal(.forbidden()))
            return false
        }
        request.isRelayed = true
        request.request = EngineHandshake(head: request.head, query: [:], peer: pass.address, isTLS: pass.isTLS)
        return true
    }

    /// Passes a request on, when another live node owns its session.
    ///
    /// - Returns: Whether it is on its way, or answered.
    func relay(_ request: EngineGateRequest, _ sid: String) -> Bool {
        let configuration = loop.configuration
        guard !request.isRelayed, let peers = configuration.peers, let node = SessionID.node(of: sid[...]),
            node != configuration.nodeName[...], let address = peers.address(ofNode: String(node))
        else { return false }
        let counters = loop.counters
        guard counters.relays.value < configuration.maximumRelays,
            counters.relays.value + counters.channels.value < configuration.maximumConnections
        else {
            counters.relaysRefused.increment()
            answer(.refusal(.unavailable("too many requests for other nodes are on their way here")))
            return true
        }
        let pass = RelayPass(
            sender: configuration.nodeName, time: peers.now, peer: request.request.peer,
            isTLS: request.request.isTLS)
        guard let header = pass.header(request.head, to: String(node), by: peers) else {
            answer(.refusal(.unavailable("this node cannot speak for the cluster yet")))
            return true
        }
        counters.relayed.increment()
        let relay = Relay(loop: loop, client: self, head: RelayHeaders.request(request.head, pass: header)) { reason in
            peers.noTLS(withNode: String(node), reason)
        }
        request.relay = relay
        sayContinue(request)
        if request.isWhole { relay.send(.end(nil)) }
        relay.start(address)
        return true
    }

    // MARK: RelayClient

    private func request(of relay: Relay) -> EngineGateRequest? {
        guard case .engine(let request) = state, request.relay === relay else { return nil }
        return request
    }

    func relayed(_ relay: Relay, head: HTTPResponseHead) {
        guard let request = request(of: relay), let context else { return }
        request.isLastAnswer = isLast(request)
        let head = RelayHeaders.answer(head, isLast: request.isLastAnswer)
        beginHTTP(context)
        context.write(wrapOutboundOut(.head(head)), promise: nil)
    }

    func relayed(_ relay: Relay, body: ByteBuffer) {
        guard request(of: relay) != nil, let context else { return }
        context.write(wrapOutboundOut(.body(.byteBuffer(body))), promise: nil)
    }

    func relayedAll(_ relay: Relay) {
        guard let request = request(of: relay), let context else { return }
        request.relay = nil
        context.write(wrapOutboundOut(.end(nil)), promise: nil)
        finish(isLast: request.isLastAnswer || !request.isWhole)
    }

    func flushRelayed(_ relay: Relay) {
        guard request(of: relay) != nil else { return }
        context?.flush()
    }

    func relayWantsMore(_ relay: Relay) {
        guard request(of: relay) != nil else { return }
        readOn()
    }

    func unreachable(_ relay: Relay) {
        guard let request = request(of: relay) else { return }
        request.relay = nil
        answer(.refusal(.unknownSession))
    }

    /// The client must see that its request failed: an answer that is cut off says so, one that is made up does not.
    func broken(_ relay: Relay) {
        guard let request = request(of: relay) else { return }
        request.relay = nil
        context?.close(promise: nil)
    }

    func switched(_ relay: Relay, head: HTTPResponseHead) {
        guard let request = request(of: relay), let context else { return relay.close() }
        request.relay = nil
        beginHTTP(context)
        state = .upgrading
        context.writeAndFlush(wrapOutboundOut(.head(RelayHeaders.answer(head, isLast: false))), promise: nil)
        let (client, owner) = TunnelHandler.pair { [loop] in
            loop.tunnels.removeValue(forKey: ObjectIdentifier(relay))
            relay.tunnelEnded()
        }
        // From here on the relay's end is the tunnel's.
        loop.tunnels[ObjectIdentifier(relay)] = client
        let bound = NIOLoopBound((client: client, owner: owner, relay: relay), eventLoop: context.eventLoop)
        let channel = context.channel
        becomeRaw(client) {
            let (client, owner, relay) = bound.value
            relay.become(owner) { isDone in
                if isDone {
                    client.begin()
                } else {
                    client.end()
                    relay.close()
                }
            }
        } orElse: {
            bound.value.client.end()
            bound.value.relay.close()
            channel.close(promise: nil)
        }
    }
}
