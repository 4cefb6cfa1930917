import Commission
import Core
import PostgresClient

/// What a batch adds to the running totals: one row an affiliate, however many transactions it had.
struct TotalsChanges {
    private struct Change {
        var transactions: Int64 = 0
        var deposits: Int64 = 0
        var bets: Int64 = 0
        var withdrawals: Int64 = 0
        var bonuses: Int64 = 0
        var ggr: Int64 = 0
        var volume: Int64 = 0
        var commissions: Int64 = 0
        var earned: Int64 = 0
        var cpa: Int64 = 0
    }

    private var changes: [Int64: Change] = [:]

    init(capacity: Int) { changes.reserveCapacity(capacity) }

    mutating func add(_ facts: TransactionFacts, of source: AffiliateID) {
        let amount = facts.amount.minorUnits
        let winnings = facts.winnings.minorUnits
        let add: (inout Change) -> Void = { change in
            change.transactions += 1
            switch facts.type {
            case .deposit:
                change.deposits += amount
                change.volume += amount
            case .bet:
                change.bets += amount
                change.volume += amount
                change.ggr += amount - winnings
            case .withdrawal: change.withdrawals += amount
            case .bonus: change.bonuses += amount
            }
        }
        add(&changes[source.rawValue, default: Change()])
    }

    mutating func add(_ payment: Payment) {
        let amount = payment.amount.minorUnits
        let isCPA = payment.rule == .cpa
        let add: (inout Change) -> Void = { change in
            change.commissions += 1
            change.earned += amount
            if isCPA { change.cpa += amount }
        }
        add(&changes[payment.beneficiary.rawValue, default: Change()])
    }

    /// Adds all of it: to rows that are there, then, in ascending order, to those that were not.
    ///
    /// Nearly all affiliates have a row, and an update costs half of an upsert, which locks each row before it changes it. The two passes, and
    /// an update whose plan finds its rows in another order, can have two batches wait for each other: PostgreSQL ends one of them, which is
    /// tried again.
    func write(on connection: PostgresConnection) throws {
        guard !changes.isEmpty else { return }
        let sorted = changes.sorted { $0.key < $1.key }
        let updated = try connection.execute(Self.updateSQL, Self.parameters(sorted))
        guard updated.rowCount < sorted.count else { return }
        let known = Set(try (0..<updated.rowCount).map { try updated.int($0, 0) })
        _ = try connection.execute(Self.upsertSQL, Self.parameters(sorted.filter { !known.contains($0.key) }))
    }

    private static func parameters(_ rows: [(key: Int64, value: Change)]) -> [PostgresValue] {
        func column(_ path: KeyPath<Change, Int64>) -> [Int64] { rows.map { $0.value[keyPath: path] } }
        return [
            .int8Array(rows.map(\.key)), .int8Array(column(\.transactions)), .hundredthsArray(column(\.deposits)),
            .hundredthsArray(column(\.bets)), .hundredthsArray(column(\.withdrawals)), .hundredthsArray(column(\.bonuses)),
            .hundredthsArray(column(\.ggr)), .hundredthsArray(column(\.volume)), .int8Array(column(\.commissions)),
            .hundredthsArray(column(\.earned)), .hundredthsArray(column(\.cpa)),
        ]
    }

    private static let updateSQL = """
        UPDATE fature_v2.affiliate_totals AS t SET
            transactions_count = t.transactions_count + d.n, deposits = t.deposits + d.deposits, bets = t.bets + d.bets,
            withdrawals = t.withdrawals + d.withdrawals, bonuses = t.bonuses + d.bonuses, ggr = t.ggr + d.ggr,
            lifetime_volume = t.lifetime_volume + d.volume, commissions_count = t.commissions_count + d.entries,
            commissions_earned = t.commissions_earned + d.earned, cpa_earned = t.cpa_earned + d.cpa
        FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
            AS d (id, n, deposits, bets, withdrawals, bonuses, ggr, volume, entries, earned, cpa)
        WHERE t.affiliate_id = d.id RETURNING d.id
        """
    private static let upsertSQL = """
        INSERT INTO fature_v2.affiliate_totals AS t (
            affiliate_id, transactions_count, deposits, bets, withdrawals, bonuses, ggr, lifetime_volume, commissions_count,
            commissions_earned, cpa_earned)
        SELECT * FROM unnest($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
        ON CONFLICT (affiliate_id) DO UPDATE SET
            transactions_count = t.transactions_count + excluded.transactions_count,
            deposits = t.deposits + excluded.deposits, bets = t.bets + excluded.bets,
            withdrawals = t.withdrawals + excluded.withdrawals, bonuses = t.bonuses + excluded.bonuses, ggr = t.ggr + excluded.ggr,
            lifetime_volume = t.lifetime_volume + excluded.lifetime_volume,
            commissions_count = t.commissions_count + excluded.commissions_count,
            commissions_earned = t.commissions_earned + excluded.commissions_earned, cpa_earned = t.cpa_earned + excluded.cpa_earned
        """
}
