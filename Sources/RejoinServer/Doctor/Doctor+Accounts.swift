import Accounts

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The accounts database, and whether it is the cluster's.
extension Doctor {
    /// - Parameter storeIDs: those of the cluster's nodes; `nil` when they are not known.
    func examineAccounts(storeIDs: Set<String>?) async -> [Finding] {
        if let path = missingFile {
            let isElsewhere = storeIDs?.isEmpty == false
            let advice = "run this where a node runs, or give accounts.url or data as its node has it"
            return [
                isElsewhere
                    ? .fail(
                        "accounts.store", "there is no file \(path)", expected: "the accounts of the cluster's nodes",
                        advice: advice)
                    : .warn(
                        "accounts.store", "there is no file \(path) yet", expected: "accounts",
                        advice: "`rejoin serve` and `rejoin users add` make it")
            ]
        }
        let accounts: Accounts
        let survey: PasswordHashSurvey?
        do throws(AccountsError) {
            accounts = try await Accounts.open(configuration, logger: logger)
            survey = try await accounts.surveyHashes()
        } catch {
            return [
                .fail(
                    "accounts.store", error.description, expected: "a store that opens",
                    advice: "check accounts.url, and that the database runs")
            ]
        }
        return [Self.store(id: accounts.storeID, storeIDs: storeIDs), Self.hashes(survey)]
    }

    /// The SQLite file when it is not there: opening would make it.
    private var missingFile: String? {
        guard let file = try? SQLiteAccountStore.Configuration(url: configuration.accounts.url) else { return nil }
        return access(file.path, F_OK) == 0 ? nil : file.path
    }

    static func store(id: String, storeIDs: Set<String>?) -> Finding {
        guard let storeIDs, !storeIDs.isEmpty else { return .ok("accounts.store", "opens, id \(id)") }
        guard storeIDs == [id] else {
            return .fail(
                "accounts.store", "its id is \(id), the nodes have \(storeIDs.sorted().joined(separator: ", "))",
                expected: "one store for all nodes",
                advice: "give every node the same accounts.url (or, on one machine, the same data folder)")
        }
        return .ok("accounts.store", "opens, and is the nodes' (id \(id))")
    }

    static func hashes(_ survey: PasswordHashSurvey?) -> Finding {
        guard let survey else { return .ok("accounts.hashes", "another program's, only looked up by name") }
        let looked = "of the first \(survey.accounts) accounts"
        if survey.unusable > 0 {
            return .warn(
                "accounts.hashes", "\(survey.unusable) \(looked) cannot log in: their hashes are not of Argon2id",
                expected: "Argon2id", advice: "give them new passwords (`rejoin users passwd`)")
        }
        if survey.weak > 0 {
            return .warn(
                "accounts.hashes", "\(survey.weak) \(looked) have hashes of weaker parameters than today's",
                expected: "m=19456,t=2,p=1 or more", advice: "nothing: each is replaced at its owner's next login")
        }
        return .ok("accounts.hashes", "\(survey.accounts) looked at, Argon2id as strong as today's")
    }
}
