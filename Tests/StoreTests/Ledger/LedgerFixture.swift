import Commission
import Core
import PostgresClient
import Store
import Testing

/// Transactions and payments as a worker makes them.
enum LedgerFixture {
    static func transaction(
        _ externalID: String, of affiliate: Int64 = 900, amount: String = "100.00", type: TransactionType = .deposit,
        winnings: String = "0.00", shard: Int = 0, upline: [Int64] = [5, 4, 3], inactive: [Int16] = [], date: Int64? = nil,
        isEligible: Bool? = nil, id: Int64 = 0
    ) throws -> NewTransaction {
        NewTransaction(
            id: id, shard: ShardID(shard), affiliate: AffiliateID(affiliate), type: type, amount: try Money.parse(amount),
            winnings: try Money.parse(winnings), currency: "BRL", dateMicroseconds: date, isEligible: isEligible,
            externalID: externalID,
            metadata: nil, upline: upline, inactiveDistances: inactive)
    }

    static func fence(_ shards: [Int] = [0, 1, 2], epoch: Int64 = 1) -> ShardFence {
        ShardFence(owner: StoreDatabase.owner, shards: shards.map { (ShardID($0), Epoch(epoch)) })
    }

    static let plans = Result { CommissionPayment.Plans(revision: 0, book: try PlanBook([.standard])) }
}

extension PostgresConnection {
    /// Gives the group numbers and commits it.
    @discardableResult
    func commit(
        _ group: [NewTransaction], fence: ShardFence = LedgerFixture.fence(), isRetry: Bool = false
    ) throws -> (group: [NewTransaction], outcomes: [IntakeOutcome]) {
        var numbered = group
        var numbers = TransactionNumbers()
        try numbers.reserve(group.count, on: self)
        for index in numbered.indices where numbered[index].id == 0 { numbered[index].id = numbers.take() }
        return (numbered, try TransactionIntake.commit(numbered, fence: fence, isRetry: isRetry, on: self))
    }

    /// Pays these and expects the plans to be current.
    @discardableResult
    func pay(
        _ orders: [CommissionPayment.Order], fence: ShardFence = LedgerFixture.fence(),
        plans: CommissionPayment.Plans? = nil
    ) throws -> CommissionPayment.Receipt {
        guard
            case .paid(let receipt) = try CommissionPayment.pay(
                orders, fence: fence, plans: plans ?? LedgerFixture.plans.get(), on: self)
        else {
            Issue.record("the plans were taken for stale")
            return .init()
        }
        return receipt
    }

    /// What waits, as the sweeper finds it.
    func ordersWaiting(_ shards: [Int] = [0, 1, 2]) throws -> [CommissionPayment.Order] {
        try TransactionSweep.waiting(shards.map { .init(shard: ShardID($0), acceptedBefore: Int64.max / 2) }, on: self)
    }

    /// One text a row, fields joined by blanks.
    func rows(_ sql: String) throws -> [String] {
        let result = try execute(sql)
        return try (0..<result.rowCount).map { row in
            try (0..<result.columnCount).map { try result.optionalText(row, $0) ?? "-" }.joined(separator: " ")
        }
    }
}
