import Logging
import NIOCore
import RedisClient
public import SocketIO
import Synchronization

extension Cluster {
    /// Tells every node something, this one included (which needs no Redis for it), and waits until all have answered.
    ///
    /// Not from the handler of the same kind, which would wait for itself.
    ///
    /// - Parameters:
    ///   - kind: every node must have a handler for it; one that has none is missing.
    ///   - body: at most what fits in a message.
    ///   - timeout: how long to wait. Default 2 s.
    /// - Returns: as soon as every live node has answered, or after the time with the names of those that did not.
    public func ask(kind: String, body: JSONBytes = .null, timeout: Duration = .seconds(2)) async -> ClusterAnswers {
        let number = open(timeout: timeout)
        let message = BusMessage(
            kind: kind, node: name, incarnation: incarnation, number: number.value, isQuestion: true, body: body)
        let isShared = isShared(kind)
        if !isShared { deliver(Inbound(message: message, arrivedAt: .now, isLocal: true)) }
        var unreachable: [NodeName] = []
        do {
            let bytes = try checked(message)
            let reply = try await redis.eval(
                ClusterScript.ask, keys: [keys.nodes],
                arguments: [
                    .string(keys.control), .bytes(bytes), .integer(configuration.deadAfter.wholeMilliseconds),
                ])
            let names = (reply.array ?? []).compactMap { $0.string.flatMap { NodeName($0) } }
            if !names.allSatisfy({ node($0) != nil }) { try await beat() }
            expect(names, in: number)
        } catch let error as RedisError where error.code == .timeout {
            // It may be published all the same.
            expect(nodes.map(\.name), in: number)
        } catch {
            logger.warning("could not ask the nodes", metadata: ["kind": "\(kind)", "error": "\(error)"])
            unreachable = nodes.map(\.name).filter { isShared || $0 != name }
            expect([], only: isShared, in: number)
        }
        var result = await answers(to: number)
        result.missing = (result.missing + unreachable).sorted()
        return result
    }

    /// Asks one node.
    ///
    /// - Returns: its answer; nil when there was none in time, or there is no such node.
    public func ask(
        node: NodeName, kind: String, body: JSONBytes = .null, timeout: Duration = .seconds(2)
    ) async -> JSONBytes? {
        let number = open(timeout: timeout)
        let message = BusMessage(
            kind: kind, node: name, incarnation: incarnation, number: number.value, isQuestion: true, body: body)
        do {
            if node != name && self.node(node) == nil { try await beat() }
            expect([node], only: true, in: number)
            try await send(message, to: node)
        } catch {
            logger.debug(
                "could not ask a node", metadata: ["kind": "\(kind)", "peer": "\(node)", "error": "\(error.message)"])
            over(number)
        }
        return await answers(to: number).answers[node]
    }

    /// Tells every node something, this one included, and does not wait.
    ///
    /// - Throws: ``ClusterError`` when it could not be published; this node has got it all the same, unless the kind is a
    ///   shared one.
    public func tell(kind: String, body: JSONBytes = .null) async throws(ClusterError) {
        let message = BusMessage(kind: kind, node: name, incarnation: incarnation, body: body)
        if !isShared(kind) { deliver(Inbound(message: message, arrivedAt: .now, isLocal: true)) }
        _ = try await publish(message, on: keys.control)
    }

    /// Tells one node something, which may be this one.
    ///
    /// - Throws: ``ClusterError``: `unknownNode` when nobody listens, or why it could not be published.
    public func tell(node: NodeName, kind: String, body: JSONBytes = .null) async throws(ClusterError) {
        try await send(BusMessage(kind: kind, node: name, incarnation: incarnation, body: body), to: node)
    }

    private func send(_ message: BusMessage, to node: NodeName) async throws(ClusterError) {
        if node == name {
            deliver(Inbound(message: message, arrivedAt: .now, isLocal: true))
        } else if try await publish(message, on: keys.node(node)) == 0 {
            throw ClusterError(.unknownNode, "no node \(node) listens")
        }
    }

    private func publish(_ message: BusMessage, on channel: String) async throws(ClusterError) -> Int {
        let bytes = try checked(message)
        do {
            return try await redis.send("PUBLISH", [.string(channel), .bytes(bytes)]).int ?? 0
        } catch {
            throw ClusterError(.unavailable, "could not publish: \(error.message)", underlying: error)
        }
    }
}

// MARK: Questions that wait

extension Cluster {
    /// The number of an open question.
    struct QuestionNumber {
        let value: Int
        let timer: Scheduled<Void>
    }

    private func open(timeout: Duration) -> QuestionNumber {
        let value = state.withLock { state in
            defer { state.nextQuestion += 1 }
            state.askers[state.nextQuestion] = Asker()
            return state.nextQuestion
        }
        let timer = subscriber.eventLoop.scheduleTask(in: TimeAmount(timeout)) { self.over(value) }
        return QuestionNumber(value: value, timer: timer)
    }

    /// - Parameter only: whether these alone are asked, and this node only if it is among them.
    private func expect(_ names: [NodeName], only: Bool = false, in number: QuestionNumber) {
        let action = state.withLock { state in
            var nodes: [NodeName: Incarnation] = [:]
            for name in names { nodes[name] = state.membership.list.records[name]?.incarnation }
            if !only || names.contains(name) { nodes[name] = incarnation }
            return state.askers[number.value]?.question.expect(nodes)
        }
        if action == .complete { over(number.value) }
    }

    /// - Returns: whether anybody waits for the answer.
    func answered(_ number: Int, by node: NodeName, _ incarnation: Incarnation, body: JSONBytes) -> Bool {
        let action = state.withLock {
            $0.askers[number]?.question.answered(by: node, incarnation, body: body)
        }
        if action == .complete { over(number) }
        return action != nil
    }

    private func over(_ number: QuestionNumber) {
        over(number.value)
    }

    private func over(_ number: Int) {
        let continuation = state.withLock { state in
            state.askers[number]?.isOver = true
            defer { state.askers[number]?.continuation = nil }
            return state.askers[number]?.continuation
        }
        continuation?.resume()
    }

    private func answers(to number: QuestionNumber) async -> ClusterAnswers {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    guard state.askers[number.value]?.isOver == false else { return true }
                    state.askers[number.value]?.continuation = continuation
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            over(number.value)
        }
        number.timer.cancel()
        let question = state.withLock { $0.askers.removeValue(forKey: number.value)?.question } ?? Question()
        for _ in 0..<question.strangers { drops.count(.unknownNode) }
        return question.result
    }
}
