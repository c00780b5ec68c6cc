import Accounts
@testable import RejoinServer
import Testing

@Suite("what the doctor says of the rest")
struct DoctorTests {
    @Test("clocks may be two seconds apart, either way")
    func clock() {
        for difference in [0, 1.99, -1.99] { #expect(Doctor.clock(difference: difference).verdict == .ok) }
        for difference in [2.01, -2.01, 1e6] { #expect(Doctor.clock(difference: difference).verdict == .warn) }
        #expect(Doctor.clock(difference: -3).found.contains("3000 ms behind"))
        #expect(Doctor.clock(difference: 3).found.contains("3000 ms ahead"))
    }

    @Test("few file descriptors are a warning")
    func descriptors() {
        #expect(Doctor.descriptors(limit: 1_024).verdict == .warn)
        #expect(Doctor.descriptors(limit: 100).found.contains("1 sockets"))
        #expect(Doctor.descriptors(limit: 65_536).verdict == .ok)
    }

    @Test("the store is the one that all nodes have, where they are known")
    func store() {
        #expect(Doctor.store(id: "a", storeIDs: nil).verdict == .ok)
        #expect(Doctor.store(id: "a", storeIDs: []).verdict == .ok)
        #expect(Doctor.store(id: "a", storeIDs: ["a"]).verdict == .ok)
        #expect(Doctor.store(id: "a", storeIDs: ["b"]).verdict == .fail)
        #expect(Doctor.store(id: "a", storeIDs: ["a", "b"]).verdict == .fail)
    }

    private func settings(_ environment: [String: String]) throws -> [String: Finding.Verdict] {
        let doctor = Doctor(try RejoinConfiguration(environment: environment))
        return Dictionary(uniqueKeysWithValues: doctor.settings.map { ($0.check, $0.verdict) })
    }

    @Test("what is allowed and not safe is a warning")
    func unsafe() throws {
        let safe = try settings(["REJOIN_COOKIE_KEYS": String(repeating: "b", count: 44)])
        #expect(safe.values.allSatisfy { $0 == .ok } && safe.count == 4)
        let unsafe = try settings([
            "REJOIN_INSECURE_LOGIN": "true", "REJOIN_ADMIN_HOST": "0.0.0.0", "REJOIN_REGISTRATION": "open",
        ])
        #expect(unsafe.values.allSatisfy { $0 == .warn } && unsafe.count == 4)
        let guarded = try settings(["REJOIN_ADMIN_HOST": "::", "REJOIN_ADMIN_TOKEN": "correct-horse-battery"])
        #expect(guarded["admin"] == .ok)
        #expect(try settings(["REJOIN_ADMIN_HOST": "::1"])["admin"] == .ok)
    }
}
