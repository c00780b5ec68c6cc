import Dispatch
import TestSupport
import Testing

@testable import Accounts

@Suite("HashingPool")
struct HashingPoolTests {
    @Test("work runs, and what it returns and throws comes back")
    func results() async throws {
        let pool = HashingPool(threads: 2)
        #expect(try await pool.run { () throws(AccountsError) in 42 } == 42)
        let error = await #expect(throws: AccountsError.self) {
            try await pool.run { () throws(AccountsError) -> Int in throw AccountsError(.notFound, "no") }
        }
        #expect(error?.code == .notFound)
        #expect(pool.statistics == .init(waiting: 0, running: 0, completed: 2, refused: 0))
    }

    @Test("at most as many hashes run as there are threads, so many wait, and the next is refused at once")
    func bounds() async throws {
        let pool = HashingPool(threads: 2, maximumWaiting: 3)
        let gate = DispatchSemaphore(value: 0)
        let running = Locked((now: 0, most: 0))
        await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<5 {
                group.addTask {
                    let result: Void? = try? await pool.run { () throws(AccountsError) in
                        running.change { $0 = ($0.now + 1, max($0.most, $0.now + 1)) }
                        gate.wait()
                        running.change { $0.now -= 1 }
                    }
                    return result != nil
                }
            }
            await #expect(throws: Never.self) {
                try await eventually { pool.statistics.running == 2 && pool.statistics.waiting == 3 }
            }
            let error = await #expect(throws: AccountsError.self) {
                try await pool.run { () throws(AccountsError) in }
            }
            #expect(error?.code == .unavailable)
            #expect(pool.statistics.refused == 1)
            for _ in 0..<5 { gate.signal() }
            for await succeeded in group { #expect(succeeded) }
        }
        #expect(running.value.most == 2)
        #expect(pool.statistics == .init(waiting: 0, running: 0, completed: 5, refused: 1))
    }

    @Test("one that waits and is cancelled leaves its place, and never runs")
    func cancellation() async throws {
        let pool = HashingPool(threads: 1, maximumWaiting: 1)
        let gate = DispatchSemaphore(value: 0)
        let ran = Locked(false)
        try await withThrowingTaskGroup(of: Void.self) { blocked in
            blocked.addTask { try await pool.run { () throws(AccountsError) in gate.wait() } }
            defer { gate.signal() }
            try await eventually { pool.statistics.running == 1 }
            await withTaskGroup(of: AccountsError.Code?.self) { waiting in
                waiting.addTask {
                    do throws(AccountsError) {
                        try await pool.run { () throws(AccountsError) in ran.change { $0 = true } }
                        return nil
                    } catch {
                        return error.code
                    }
                }
                await #expect(throws: Never.self) { try await eventually { pool.statistics.waiting == 1 } }
                waiting.cancelAll()
                for await code in waiting { #expect(code == .unavailable) }
            }
            #expect(pool.statistics.waiting == 0)
        }
        #expect(try await pool.run { () throws(AccountsError) in 1 } == 1)
        #expect(!ran.value)
    }

    @Test("a thousand short jobs on a few threads all come back")
    func many() async throws {
        let pool = HashingPool(threads: 3, maximumWaiting: 1_000)
        let sum = try await withThrowingTaskGroup(of: Int.self) { group in
            for number in 0..<1_000 { group.addTask { try await pool.run { () throws(AccountsError) in number } } }
            return try await group.reduce(0, +)
        }
        #expect(sum == 499_500)
    }
}
