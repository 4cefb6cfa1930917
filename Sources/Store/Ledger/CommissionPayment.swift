import Commission
import Core
import PostgresClient

/// Pays the commissions of transactions, a batch at a time: computed in memory, committed together with the mark that they are.
///
/// One READ COMMITTED transaction: fence, plan revision, claim, first deposits, entries, totals. The claim decides: a transaction that is
/// processed already is never claimed again, so a batch may hold any transaction any number of times.
package enum CommissionPayment {
    /// How many transactions one batch holds at most.
    package static let batchMax = 4000

    /// A job: which transaction, and when it was accepted (microseconds since 1970).
    package struct Order: Sendable, Equatable {
        package var transactionID: Int64
        package var acceptedAtMicroseconds: Int64
        /// The shard of the queue it came from.
        package var shard: ShardID

        package init(transactionID: Int64, acceptedAtMicroseconds: Int64, shard: ShardID) {
            self.transactionID = transactionID
            self.acceptedAtMicroseconds = acceptedAtMicroseconds
            self.shard = shard
        }
    }

    /// The plans a worker holds, and which revision of them.
    package struct Plans: Sendable {
        package var revision: Int64
        package var book: PlanBook

        package init(revision: Int64, book: PlanBook) {
            self.revision = revision
            self.book = book
        }
    }

    package enum Outcome: Sendable {
        /// The plans have changed since they were read: nothing was written. Read them anew.
        case stalePlans
        case paid(Receipt)
    }

    package struct Receipt: Sendable {
        /// Transactions processed now, and the entries they made.
        package var transactionsCount = 0
        package var entriesCount = 0
        /// Shards that are not this owner's any more; their orders were left alone.
        package var fencedShards: Set<ShardID> = []
        /// Orders whose transaction does not exist.
        package var unknownTransactions: [Int64] = []

        package init() {}
    }

    package static func pay(
        _ orders: [Order], fence: ShardFence, plans: Plans, on connection: PostgresConnection
    ) throws -> Outcome {
        guard orders.count <= batchMax else {
            throw StoreError(.tooMany, "\(orders.count) transactions in one batch; \(batchMax) at most")
        }
        return try connection.transaction {
            let (held, now) = try fence.take(on: connection)
            guard try PlanStore.hold(plans.revision, on: connection) else { return .stalePlans }
            var receipt = Receipt()
            receipt.fencedShards = Set(orders.lazy.map(\.shard)).subtracting(held)
            let payable = receipt.fencedShards.isEmpty ? orders : orders.filter { held.contains($0.shard) }
            guard let first = payable.first else { return .paid(receipt) }
            var earliest = first.acceptedAtMicroseconds
            var latest = earliest
            for order in payable {
                earliest = min(earliest, order.acceptedAtMicroseconds)
                latest = max(latest, order.acceptedAtMicroseconds)
            }
            var claimed = try ClaimedTransaction.claim(
                payable.map(\.transactionID), acceptedAt: earliest...latest, on: connection)
            if claimed.count < payable.count {
                receipt.unknownTransactions = try unknown(payable, claimed, on: connection)
            }
            try FirstDeposits.mark(&claimed, plans.book, on: connection)
            receipt.transactionsCount = claimed.count
            receipt.entriesCount = try write(claimed, plans.book, createdAt: now, on: connection)
            FailPoint.paymentBeforeCommit.pass()
            return .paid(receipt)
        }
    }

    /// Orders for which there is no transaction at all; the others are processed, dead or not adopted yet.
    private static func unknown(
        _ orders: [Order], _ claimed: [ClaimedTransaction], on connection: PostgresConnection
    ) throws -> [Int64] {
        let found = Set(claimed.lazy.map(\.id))
        let missing = Set(orders.lazy.map(\.transactionID)).subtracting(found)
        guard !missing.isEmpty else { return [] }
        let result = try connection.execute(
            """
            SELECT id FROM unnest($1) AS missing (id)
            WHERE NOT EXISTS (SELECT 1 FROM fature_v2.transactions AS t WHERE t.transaction_id = missing.id)
            """, [.int8Array(Array(missing))])
        return try (0..<result.rowCount).map { try result.int($0, 0) }
    }

    /// Computes and writes the entries and the totals. Returns how many entries there are.
    private static func write(
        _ claimed: [ClaimedTransaction], _ book: PlanBook, createdAt now: Int64, on connection: PostgresConnection
    ) throws -> Int {
        guard !claimed.isEmpty else { return 0 }
        var totals = TotalsChanges(capacity: claimed.count * 4)
        var usage = try MonthUsage.lock(claimed, book, on: connection)
        var payments: [Payment] = []
        var entries = 0
        var rows = BinaryCopyBuffer()
        for transaction in claimed {
            guard let index = book.index(at: transaction.date) else {
                throw LedgerError(
                    .noPlan, "no plan holds at the date of transaction \(transaction.id); apply one: fature plan apply")
            }
            let plan = book.plans[index]
            guard plan.currency.description == transaction.currency else {
                throw LedgerError(
                    .wrongCurrency, "transaction \(transaction.id) is in \(transaction.currency), its plan in \(plan.currency)")
            }
            payments.removeAll(keepingCapacity: true)
            plan.payments(
                for: transaction.facts, ancestors: transaction.upline.span, inactive: transaction.inactiveDistances.span,
                earnedThisMonth: { usage.earned(by: $0, at: transaction.date) }, into: &payments)
            totals.add(transaction.facts, of: transaction.source)
            for payment in payments {
                totals.add(payment)
                if plan.caps.beneficiaryPerMonth != nil, payment.rule == .percentage {
                    usage.add(payment, at: transaction.date)
                }
                append(payment, transaction, plan, now, to: &rows)
            }
            entries += payments.count
        }
        if entries > 0 {
            let written = try connection.copyIn(copySQL) { try rows.finish($0) }
            guard written == entries else {
                throw StoreError(.unexpectedAnswer, "\(written) of \(entries) commissions were written")
            }
        }
        try usage.write(on: connection)
        try totals.write(on: connection)
        return entries
    }

    private static func append(
        _ payment: Payment, _ transaction: ClaimedTransaction, _ plan: CommissionPlan, _ now: Int64,
        to rows: inout BinaryCopyBuffer
    ) {
        rows.startRow(fields: 12)
        rows.field(transaction.id)
        rows.field(payment.ordinal)
        rows.field(payment.beneficiary.rawValue)
        rows.field(transaction.source.rawValue)
        rows.field(payment.levelDistance)
        rows.field(payment.rule.name)
        rows.field(minorUnits: payment.base.minorUnits)
        rows.field(tenThousandths: Int64(payment.rate.tenThousandths))
        rows.field(minorUnits: payment.amount.minorUnits)
        rows.field(text: transaction.currency)
        rows.field(Int32(plan.version))
        rows.field(timestampMicroseconds: now)
    }

    private static let copySQL = """
        COPY fature_v2.commissions (
            transaction_id, ordinal, beneficiary_id, source_id, level_distance, rule, base_amount, rate, amount, currency, plan_version,
            created_at
        ) FROM STDIN (FORMAT binary)
        """
}
