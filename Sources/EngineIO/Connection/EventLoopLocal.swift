package import NIOCore

/// One value for each event loop, touched on that event loop only.
package final class EventLoopLocal<Value>: Sendable {
    private let boxes: [(eventLoop: any EventLoop, box: NIOLoopBoundBox<Value?>)]

    package init(eventLoops: [any EventLoop]) {
        boxes = eventLoops.map { ($0, .makeEmptyBox(valueType: Value.self, eventLoop: $0)) }
    }

    /// The value of the current event loop, which must be `eventLoop`.
    package subscript(eventLoop: any EventLoop) -> Value? {
        get { box(eventLoop)?.value }
        set { box(eventLoop)?.value = newValue }
    }

    /// Runs something on every event loop that has a value; at once on the one that it is called on.
    ///
    /// - Parameter eventLoops: on these only; `nil`: on all.
    package func forEach(on eventLoops: [any EventLoop]? = nil, _ body: @escaping @Sendable (Value) -> Void) {
        for (eventLoop, box) in boxes where eventLoops?.contains(where: { $0 === eventLoop }) ?? true {
            if eventLoop.inEventLoop {
                if let value = box.value { body(value) }
            } else {
                eventLoop.execute {
                    if let value = box.value { body(value) }
                }
            }
        }
    }

    /// Runs something on every event loop that has a value, and gathers what it returns.
    package func gather<Result: Sendable>(_ body: @escaping @Sendable (Value) -> Result) async -> [Result] {
        var results: [Result] = []
        for (eventLoop, box) in boxes {
            do {
                if let result = try await eventLoop.submit({ box.value.map(body) }).get() {
                    results.append(result)
                }
            } catch {
                continue  // the event loop is shutting down, and its sockets with it
            }
        }
        return results
    }

    /// Runs something on every event loop that has a value, and gathers what its futures bring.
    package func gatherFutures<Result: Sendable>(
        _ body: @escaping @Sendable (Value) -> EventLoopFuture<Result>
    ) async -> [Result] {
        let futures = boxes.map { eventLoop, box in
            eventLoop.flatSubmit { () -> EventLoopFuture<Result?> in
                box.value.map { body($0).map { $0 } } ?? eventLoop.makeSucceededFuture(nil)
            }
        }
        var results: [Result] = []
        for future in futures {
            do {
                if let result = try await future.get() { results.append(result) }
            } catch {
                continue  // the event loop is shutting down, and its sockets with it
            }
        }
        return results
    }

    private func box(_ eventLoop: any EventLoop) -> NIOLoopBoundBox<Value?>? {
        boxes.first { $0.eventLoop === eventLoop }?.box
    }
}
