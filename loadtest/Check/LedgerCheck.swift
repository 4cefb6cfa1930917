import Core
import Glibc
import LoadPlan
import LoadRecord
import PostgresClient
import Store

/// After a run: does the ledger hold exactly what the cluster said it accepted, paid to the cent?
///
/// Each row is compared with what was sent under its external id, which follows from seed and number; commissions with the oracle of
/// `fature reconcile`, which computes them anew in PostgreSQL.
package struct LedgerCheck {
    private let connection: PostgresConnection
    private let maker: RequestMaker
    private let startedAtMicroseconds: Int64

    private static let examplesMax = 10
    private static let pollMicroseconds: UInt32 = 200_000

    /// - Parameter startedAtMicroseconds: on PostgreSQL's clock; nothing of the run was accepted before.
    package init(_ connection: PostgresConnection, maker: RequestMaker, startedAtMicroseconds: Int64) {
        self.connection = connection
        self.maker = maker
        self.startedAtMicroseconds = startedAtMicroseconds
    }

    /// - Parameter drainMilliseconds: how long commissions may take to be paid after the load.
    package func verdict(_ book: TransactionBook, drainMilliseconds: Int) throws -> LedgerVerdict {
        var verdict = LedgerVerdict()
        verdict.accepted = book.acceptedCount
        let waiting = try drain(drainMilliseconds, &verdict)
        try compareRows(book, &verdict)
        let found = try reconcile(&verdict)
        verdict.lost += max(waiting, found)
        return verdict
    }

    /// Waits until nothing of the run waits for its commissions. Returns how many still do when the time is over.
    private func drain(_ milliseconds: Int, _ verdict: inout LedgerVerdict) throws -> Int {
        let deadline = Deadline.after(milliseconds: milliseconds)
        while true {
            let waiting = try connection.execute(
                Self.waitingSQL, [.int(startedAtMicroseconds), .text(maker.externalIDPrefix)]
            ).int(0, 0)
            guard waiting > 0 else { return 0 }
            guard !deadline.hasPassed else {
                verdict.examples.append("\(waiting) transactions still wait for their commissions")
                return Int(waiting)
            }
            usleep(Self.pollMicroseconds)
        }
    }

    private func compareRows(_ book: TransactionBook, _ verdict: inout LedgerVerdict) throws {
        var seen: Set<TransactionPlace> = []
        var accepted = 0
        func example(_ text: String) { if verdict.examples.count < Self.examplesMax { verdict.examples.append(text) } }
        try connection.copyOut(Self.rowsSQL(prefix: maker.externalIDPrefix, startedAtMicroseconds)) { line in
            let fields = line.dropLast().split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false)
                .map { String(decoding: $0, as: UTF8.self) }
            guard fields.count == 5, let place = maker.place(ofExternalID: fields[0]),
                let word = book.word(place.number, item: place.item)
            else {
                verdict.wrong += 1
                return example("\(fields.first ?? ""): in the ledger, and never sent")
            }
            guard seen.insert(place).inserted else {
                verdict.doubled += 1
                return example("\(fields[0]): in the ledger twice")
            }
            let sent = maker.transaction(place.number, item: place.item)
            let facts = ["\(sent.affiliate)", "\(sent.type.name)", "\(sent.amount)", "\(sent.winnings)"]
            if facts != Array(fields[1...]) {
                verdict.wrong += 1
                example(
                    "\(fields[0]): \(fields[1...].joined(separator: " ")) in the ledger; sent was \(facts.joined(separator: " "))"
                )
            }
            switch word {
            case .accepted: accepted += 1
            case .unanswered: verdict.unanswered += 1
            case .refused:
                verdict.wrong += 1
                example("\(fields[0]): refused, and in the ledger")
            }
        }
        let lost = verdict.accepted - accepted
        if lost > 0 {
            verdict.lost += lost
            example("\(lost) transactions were answered as accepted and are not in the ledger")
        }
    }

    /// Of others' transactions in the same time too: they share totals. Returns how many have waited too long for their commissions; what was accepted a
    /// moment ago has not.
    private func reconcile(_ verdict: inout LedgerVerdict) throws -> Int {
        let report = try LedgerReconciler(connection, range: ReconciliationRange(fromMicroseconds: startedAtMicroseconds))
            .reconcile()
        var stuck = 0
        for finding in report.findings where finding.count > 0 {
            switch finding.check {
            case .lost: verdict.lost += Int(finding.count)
            case .stuck: stuck += Int(finding.count)
            case .doubled: verdict.doubled += Int(finding.count)
            default: verdict.wrong += Int(finding.count)
            }
            if verdict.examples.count < Self.examplesMax {
                verdict.examples.append("\(finding.check.rawValue): \(finding.count), \(finding.check.meaning)")
            }
        }
        return stuck
    }

    private static let waitingSQL = """
        SELECT count(*) FROM fature_v2.transactions
        WHERE NOT commission_processed AND NOT commission_dead AND accepted_at >= timestamptz 'epoch' + $1 * interval '1 microsecond'
            AND starts_with(external_transaction_id, $2)
        """

    /// - Parameter prefix: of the letters, digits and hyphens that a run's name may have.
    private static func rowsSQL(prefix: String, _ sinceMicroseconds: Int64) -> String {
        """
        COPY (
            SELECT external_transaction_id, affiliate_id, transaction_type, amount, winnings FROM fature_v2.transactions
            WHERE accepted_at >= timestamptz 'epoch' + \(sinceMicroseconds) * interval '1 microsecond'
                AND starts_with(external_transaction_id, '\(prefix)')
        ) TO STDOUT
        """
    }
}
