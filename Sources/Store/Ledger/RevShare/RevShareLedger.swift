import Commission
import Core
import PostgresClient

/// Settles RevShare, period by period: sums gathered once, then some beneficiaries in each transaction until all are settled.
///
/// An interrupted settlement is begun again with the same call and goes on behind the last beneficiary who was settled. Two at once take
/// turns. A period that is settled is left alone.
package enum RevShareLedger {
    /// Beneficiaries settled in one transaction: payments to them wait for its end.
    package static let beneficiariesPerPieceMax = 1000
    /// How many periods back late and reversed transactions are found.
    package static let lookBackPeriodsMax = 12

    /// What was done for one period, or would be.
    package struct Outcome: Sendable, Equatable {
        package let period: SettledPeriod
        /// All of it was settled before: nothing was done.
        package let wasSettled: Bool
        /// Beneficiaries settled now.
        package let beneficiariesNow: Int64
    }

    /// Settles a calendar month or week: one period as a rule, or its parts (`PlanBook.revSharePeriods`).
    ///
    /// - Parameters:
    ///   - isDryRun: gather and compute all of it, and change nothing.
    ///   - onPiece: called after each piece is committed, with what is settled of the period so far.
    /// - Throws: `RevShareError` with the reason if a period cannot be settled.
    package static func settle(
        _ name: RevSharePeriodName, origin: ChangeOrigin, isDryRun: Bool = false,
        beneficiariesPerPiece: Int = beneficiariesPerPieceMax, on connection: PostgresConnection,
        onPiece: (SettledSums) throws -> Void = { _ in }
    ) throws -> [Outcome] {
        try Schema.requireCurrent(connection)
        let (_, book) = try PlanStore.load(connection)
        let periods = book.revSharePeriods(in: name)
        guard !periods.isEmpty else {
            throw RevShareError(.noRevShare, "no plan with \(name.cadence.name) RevShare holds in \(name); see: fature plan list")
        }
        let run = Run(
            connection: connection, book: book, origin: origin, beneficiariesPerPiece: beneficiariesPerPiece)
        return try periods.map { try isDryRun ? run.rehearse($0, onPiece) : run.settle($0, onPiece) }
    }
}

private struct Run {
    let connection: PostgresConnection
    let book: PlanBook
    let origin: ChangeOrigin
    let beneficiariesPerPiece: Int

    /// Carries what was computed out of the transaction that is rolled back.
    private struct Rehearsed: Error { let outcome: RevShareLedger.Outcome }

    func settle(_ period: RevSharePeriod, _ onPiece: (SettledSums) throws -> Void) throws -> RevShareLedger.Outcome {
        if let known = try SettledPeriod.load(startingAt: period.start, on: connection).first {
            if known.settledAt != nil { return RevShareLedger.Outcome(period: known, wasSettled: true, beneficiariesNow: 0) }
        } else {
            try openUnlessOpened(period)
        }
        var settled = try stored(period).settled
        var now: Int64 = 0
        while let piece = try retryingConflicts({ try connection.transaction(.readCommitted) { try nextPiece(of: period) } }) {
            now += piece.beneficiariesCount
            settled.add(piece)
            FailPoint.revShareAfterPiece.pass()
            try onPiece(settled)
        }
        return RevShareLedger.Outcome(period: try stored(period), wasSettled: false, beneficiariesNow: now)
    }

    /// All of it in one transaction that is rolled back. It locks nothing that payments need.
    func rehearse(_ period: RevSharePeriod, _ onPiece: (SettledSums) throws -> Void) throws -> RevShareLedger.Outcome {
        do {
            return try connection.transaction(.repeatableRead) {
                let known = try SettledPeriod.load(startingAt: period.start, on: connection).first
                if let known, known.settledAt != nil {
                    return RevShareLedger.Outcome(period: known, wasSettled: true, beneficiariesNow: 0)
                }
                if known == nil { try open(period) }
                var opened = try stored(period)
                let plan = try plan(of: opened)
                var after = try lastSettled(opened)
                var now: Int64 = 0
                while true {
                    let piece = try RevSharePiece(
                        of: opened, plan, after: after, beneficiariesMax: beneficiariesPerPiece, on: connection)
                    guard let last = piece.settlements.last else { break }
                    after = last.beneficiary
                    now += piece.sums.beneficiariesCount
                    opened.settled.add(piece.sums)
                    try onPiece(opened.settled)
                }
                throw Rehearsed(
                    outcome: RevShareLedger.Outcome(period: opened, wasSettled: false, beneficiariesNow: now))
            }
        } catch let rehearsed as Rehearsed {
            return rehearsed.outcome
        }
    }

    private func openUnlessOpened(_ period: RevSharePeriod) throws {
        do {
            try retryingConflicts { try connection.transaction(.repeatableRead) { try open(period) } }
        } catch let error as PostgresError {
            // Somebody else has opened it at the same time, and the database let one of us.
            guard try !SettledPeriod.load(startingAt: period.start, isSummingUp: false, on: connection).isEmpty else {
                throw error
            }
        }
    }

    private func open(_ period: RevSharePeriod) throws {
        try RevShareGathering.open(
            period, book, lookBackPeriods: RevShareLedger.lookBackPeriodsMax, origin: origin, on: connection)
    }

    /// Settles the next beneficiaries, or closes the period and answers nil if there are none.
    private func nextPiece(of period: RevSharePeriod) throws -> SettledSums? {
        for setting in LedgerSession.settings {
            _ = try connection.execute("SET LOCAL \(setting.name) = \(setting.value)")
        }
        // Whoever settles the same period waits here, and then sees what we have done.
        _ = try connection.execute(
            "SELECT 1 FROM fature_v2.revshare_period WHERE period_start = $1::timestamptz FOR UPDATE",
            [.text(SettledPeriod.timestamp(period.start))])
        let opened = try stored(period, isSummingUp: false)
        guard opened.settledAt == nil else { return nil }
        let plan = try plan(of: opened)
        let piece = try RevSharePiece(
            of: opened, plan, after: try lastSettled(opened), beneficiariesMax: beneficiariesPerPiece, on: connection)
        guard !piece.settlements.isEmpty else {
            try close(stored(period))
            return nil
        }
        try piece.write(opened, plan, on: connection)
        return piece.sums
    }

    private func close(_ period: SettledPeriod) throws {
        let sums = period.settled
        _ = try connection.execute(
            """
            WITH closed AS (
                UPDATE fature_v2.revshare_period SET settled_at = clock_timestamp(), beneficiaries_count = $2, entries_count = $3,
                    amount = $4::numeric
                WHERE period_start = $1::text::timestamptz
            )
            INSERT INTO fature_v2.audit_log (table_name, record_id, operation, new_values, actor, request_id)
            VALUES ('revshare_period', $1, 'update',
                jsonb_build_object('settled', true, 'beneficiaries', $2::bigint, 'entries', $3::bigint, 'amount', $4::numeric), $5, $6)
            """,
            [
                .text(SettledPeriod.timestamp(period.start)), .int(sums.beneficiariesCount), .int(sums.entriesCount),
                .text("\(sums.amount)"), .text(origin.actor), .optionalText(origin.requestID),
            ])
    }

    private func stored(_ period: RevSharePeriod, isSummingUp: Bool = true) throws -> SettledPeriod {
        guard
            let stored = try SettledPeriod.load(startingAt: period.start, isSummingUp: isSummingUp, on: connection).first
        else {
            throw StoreError(.unexpectedAnswer, "the RevShare period of \(SettledPeriod.timestamp(period.start)) is gone")
        }
        return stored
    }

    private func plan(of period: SettledPeriod) throws -> CommissionPlan {
        guard let plan = book.plan(version: period.planVersion) else {
            throw StoreError(.unexpectedAnswer, "there is no version \(period.planVersion) of the plan")
        }
        return plan
    }

    private func lastSettled(_ period: SettledPeriod) throws -> Int64 {
        try connection.execute(
            "SELECT coalesce(max(beneficiary_id), 0) FROM fature_v2.revshare_settlement WHERE period_start = $1::timestamptz",
            [.text(SettledPeriod.timestamp(period.start))]
        ).int(0, 0)
    }
}

extension SettledSums {
    /// Sums of money trap beyond 64 bits, which no ledger reaches.
    fileprivate mutating func add(_ other: SettledSums) {
        beneficiariesCount += other.beneficiariesCount
        entriesCount += other.entriesCount
        amount += other.amount
        carriedOut += other.carriedOut
    }
}
