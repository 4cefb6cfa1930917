import Core
import Foundation
import PostgresClient

/// After the run: does the ledger hold exactly what was accepted, paid to the cent?
///
/// The transactions are compared one by one with what was sent; entries and totals with sums that PostgreSQL makes over the closure of the hierarchy,
/// which the worker does not use.
struct LedgerCheck {
    let bench: LedgerBench

    init(_ bench: LedgerBench) { self.bench = bench }

    func run() throws {
        LedgerBench.say("checking the ledger")
        try bench.clock.waitUntilDrained()
        var differences = try checkTransactions()
        for (what, sql) in OracleSQL.checks {
            let count = try bench.connection.execute(sql).int(0, 0)
            if count > 0 { differences.append("\(what): \(Figure.thousands(count))") }
        }
        // The operators' own check must come to the same.
        do { try bench.cluster.command("reconcile") } catch { differences.append("fature reconcile: \(error)") }
        let sums = try bench.connection.execute("SELECT count(*), coalesce(sum(amount), 0)::text FROM fature_v2.commissions")
        print(
            "\nledger: \(Figure.thousands(bench.book.acceptedCount)) transactions accepted, \(Figure.thousands(try sums.int(0, 0))) entries,",
            "\(try sums.text(0, 1)) BRL in commissions")
        guard differences.isEmpty else {
            for difference in differences { print("ledger: \(difference)") }
            throw Shell.Failure(description: "the ledger is not exact")
        }
        print("ledger: exact")
    }

    // MARK: Transactions

    /// Each row against what was sent under its external id.
    private func checkTransactions() throws -> [String] {
        var seen = [Bool](repeating: false, count: bench.book.count)
        var doubled = 0
        var foreign = 0
        var wrong = 0
        try bench.connection.copyOut(Self.rowsSQL) { row in
            let fields = row.dropLast().split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false)
            guard fields.count == 6, let number = Self.number(fields[0].dropFirst(TransactionFeed.externalIDPrefix.utf8.count)),
                seen.indices.contains(number)
            else {
                foreign += 1
                return
            }
            if seen[number] { doubled += 1 }
            seen[number] = true
            let sent = bench.feed.transaction(number)
            let type = sent.isBet ? "bet" : "deposit"
            let isEqual =
                Self.number(fields[1]) == Int(sent.affiliate) && fields[2].elementsEqual(type.utf8)
                && fields[3].elementsEqual(sent.amount.description.utf8)
                && fields[4].elementsEqual(sent.winnings.description.utf8)
                && fields[5].elementsEqual("BRL".utf8)
            if !isEqual { wrong += 1 }
        }
        var lost = 0
        var unacknowledged = 0
        for (isSeen, isAccepted) in zip(seen, bench.book.isAccepted) where isSeen != isAccepted {
            if isAccepted { lost += 1 } else { unacknowledged += 1 }
        }
        return [
            ("accepted, but not in the ledger", lost), ("in the ledger twice", doubled),
            ("in the ledger with other facts", wrong),
            ("in the ledger, but sent by nobody", foreign), ("in the ledger, but never acknowledged", unacknowledged),
        ].filter { $0.1 > 0 }.map { "transactions \($0.0): \(Figure.thousands($0.1))" }
    }

    private static func number(_ digits: some Collection<UInt8>) -> Int? {
        guard !digits.isEmpty, digits.count < 19, digits.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return digits.reduce(0) { $0 * 10 + Int($1 - 48) }
    }

    private static let rowsSQL = """
        COPY (
            SELECT external_transaction_id, affiliate_id, transaction_type, amount, winnings, currency FROM fature_v2.transactions
        ) TO STDOUT
        """
}
