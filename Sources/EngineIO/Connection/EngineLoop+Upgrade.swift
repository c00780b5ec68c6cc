import CoreMetrics
import NIOCore

/// How a WebSocket replaces a session's polling (Engine.IO v4, "Upgrade"), on the session's event loop.
extension EngineLoop {
    func beginUpgrade(
        _ transport: PollingTransport, _ exchange: EngineExchange, _ link: WebSocketLink,
        _ headers: [(name: String, value: String)]
    ) {
        guard transport.isOpen else { return exchange.refuse(.unknownSession) }
        guard transport.upgrade == nil else {
            return exchange.reply(.upgrade(headers: headers, isWanted: false))
        }
        let upgrade = PollingTransport.Upgrade(link)
        transport.upgrade = upgrade
        let bound = NIOLoopBound((loop: self, transport: transport, upgrade: upgrade), eventLoop: eventLoop)
        upgrade.timer = eventLoop.scheduleTask(
            in: .nanoseconds(configuration.upgradeTimeout.wholeMilliseconds * 1_000_000)
        ) {
            let (loop, transport, upgrade) = bound.value
            guard transport.upgrade === upgrade else { return }
            loop.counters.upgradeTimeouts.increment()
            upgrade.link.closeWebSocket(.forcedClose)
            loop.endUpgrade(of: transport)
        }
        exchange.reply(.upgrade(headers: headers, isWanted: true))
    }

    /// The WebSocket answered a probe: from now on a poll is released now and then, so that the client can let go of it.
    func probed(_ sid: SessionID, _ link: WebSocketLink) {
        guard let transport = polling[sid.connection], let upgrade = transport.upgrade, upgrade.link === link else {
            return link.closeWebSocket(.forcedClose)
        }
        release(transport, upgrade)
    }

    private func release(_ transport: PollingTransport, _ upgrade: PollingTransport.Upgrade) {
        guard transport.upgrade === upgrade, upgrade.successor == nil else { return }
        transport.releasePoll()
        let bound = NIOLoopBound((loop: self, transport: transport, upgrade: upgrade), eventLoop: eventLoop)
        upgrade.releaseTimer = eventLoop.scheduleTask(
            in: .nanoseconds(configuration.probeInterval.wholeMilliseconds * 1_000_000)
        ) {
            let (loop, transport, upgrade) = bound.value
            loop.release(transport, upgrade)
        }
    }

    /// The client sent the upgrade packet: from now on the WebSocket carries the session.
    func upgraded(_ sid: SessionID, _ link: WebSocketLink) {
        guard let transport = polling[sid.connection], transport.isOpen, let upgrade = transport.upgrade,
            upgrade.link === link
        else { return link.closeWebSocket(.forcedClose) }
        upgrade.cancelTimers()
        let successor = LinkedTransport(loop: self, link: link)
        link.session.value = successor
        upgrade.successor = successor
        transport.completeUpgrade()
    }

    /// The WebSocket is gone, or did something else than probe and upgrade.
    func upgradeFailed(_ sid: SessionID, _ link: WebSocketLink) {
        guard let transport = polling[sid.connection], transport.upgrade?.link === link else { return }
        endUpgrade(of: transport)
    }

    private func endUpgrade(of transport: PollingTransport) {
        transport.upgrade?.cancelTimers()
        transport.upgrade = nil
    }
}
