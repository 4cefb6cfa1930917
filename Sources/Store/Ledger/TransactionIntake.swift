import Core
import PostgresClient

/// Commits transactions, a group at a time, each external id once for ever.
///
/// One READ COMMITTED transaction: the fence, the keys, the rows. `ON CONFLICT DO NOTHING` on the keys waits for others that are committing
/// the same external id; keys go in sorted, so that two groups can not wait for each other.
package enum TransactionIntake {
    /// How many transactions one group holds at most.
    package static let groupMax = 2000

    /// Commits what is new, and says of each transaction what became of it, in order.
    ///
    /// After an error nothing is committed, unless `isConnectionFailure`: then call again with the same group and `isRetry`, which finds out.
    /// - Parameter isRetry: an earlier attempt with these very numbers may have been committed.
    package static func commit(
        _ group: [NewTransaction], fence: ShardFence, isRetry: Bool, on connection: PostgresConnection
    ) throws -> [IntakeOutcome] {
        guard group.count <= groupMax else {
            throw StoreError(.tooMany, "\(group.count) transactions in one group; \(groupMax) at most")
        }
        return try connection.transaction {
            let (shards, now) = try fence.take(on: connection)
            var outcomes = group.map { shards.contains($0.shard) ? IntakeOutcome.accepted(acceptedAtMicroseconds: now) : .fenced }
            let held = group.indices.filter { outcomes[$0] != .fenced }
            let ours = held.filter { group[$0].refusalIfNew == nil }
            if !ours.isEmpty { try accept(group, ours, &outcomes, at: now, isRetry: isRetry, on: connection) }
            try settleRefused(group, held.filter { group[$0].refusalIfNew != nil }, &outcomes, on: connection)
            FailPoint.intakeBeforeCommit.pass()
            return outcomes
        }
    }

    /// Writes what is new of `ours`.
    private static func accept(
        _ group: [NewTransaction], _ ours: [Int], _ outcomes: inout [IntakeOutcome], at now: Int64, isRetry: Bool,
        on connection: PostgresConnection
    ) throws {
        let sorted = ours.sorted { isBefore(group[$0].externalID, group[$1].externalID) }
        let keys = sorted.map { Optional(group[$0].externalID) }
        let inserted = try connection.execute(
            keySQL, [.textArray(keys), .int8Array(sorted.map { group[$0].id })])
        var new = ours
        if inserted.affectedRows < ours.count {
            new = try settleKnown(group, ours, &outcomes, isRetry: isRetry, on: connection)
        }
        if !new.isEmpty { try write(new.map { group[$0] }, acceptedAt: now, on: connection) }
    }

    /// What may not be accepted now is answered as the first time if there was one. The fence keeps its shard's other owners from accepting it
    /// meanwhile.
    private static func settleRefused(
        _ group: [NewTransaction], _ refused: [Int], _ outcomes: inout [IntakeOutcome], on connection: PostgresConnection
    ) throws {
        guard !refused.isEmpty else { return }
        let holders = try KeyHolders.of(refused.map { group[$0].externalID }, on: connection)
        let known = try AcceptedFacts.read(Array(Set(holders.ids)), on: connection)
        for index in refused {
            guard let refusal = group[index].refusalIfNew else { continue }
            guard let holder = holders[group[index].externalID] else {
                outcomes[index] = .refused(refusal)
                continue
            }
            outcomes[index] =
                known[holder].flatMap { facts in
                    guard facts.agree(with: group[index]) else { return nil }
                    return .repeated(id: holder, acceptedAtMicroseconds: facts.acceptedAtMicroseconds)
                } ?? .conflict(id: holder)
        }
    }

    /// By bytes, as COLLATE "C" does.
    private static func isBefore(_ a: String, _ b: String) -> Bool { a.utf8.lexicographicallyPrecedes(b.utf8) }

    /// Some external ids were known: says what became of those, and returns which transactions are still to be written.
    private static func settleKnown(
        _ group: [NewTransaction], _ ours: [Int], _ outcomes: inout [IntakeOutcome], isRetry: Bool,
        on connection: PostgresConnection
    ) throws -> [Int] {
        let holders = try KeyHolders.of(ours.map { group[$0].externalID }, on: connection)
        var own: [Int64: Int] = [:]
        for index in ours { own[group[index].id] = index }
        let asked = Set(holders.ids).filter { isRetry || own[$0] == nil }
        let known = try AcceptedFacts.read(Array(asked), on: connection)

        var new: [Int] = []
        for index in ours {
            let item = group[index]
            guard let holder = holders[item.externalID] else {
                throw StoreError(.unexpectedAnswer, "the key of a transaction vanished while it was held")
            }
            if holder == item.id {
                // Ours: written now, or by the attempt before whose answer was lost.
                if let facts = known[holder] {
                    outcomes[index] = .accepted(acceptedAtMicroseconds: facts.acceptedAtMicroseconds)
                } else {
                    new.append(index)
                }
            } else if let facts = known[holder] {
                outcomes[index] =
                    facts.agree(with: item)
                    ? .repeated(id: holder, acceptedAtMicroseconds: facts.acceptedAtMicroseconds) : .conflict(id: holder)
            } else if let first = own[holder], case .accepted(let acceptedAt) = outcomes[first] {
                // Twice in one group.
                outcomes[index] =
                    AcceptedFacts(group[first], acceptedAtMicroseconds: acceptedAt).agree(with: item)
                    ? .repeated(id: holder, acceptedAtMicroseconds: acceptedAt) : .conflict(id: holder)
            } else {
                outcomes[index] = .conflict(id: holder)
            }
        }
        return new
    }

    private static func write(
        _ transactions: [NewTransaction], acceptedAt: Int64, on connection: PostgresConnection
    ) throws {
        let count = try connection.copyIn(copySQL) { writer in
            var rows = BinaryCopyBuffer()
            for item in transactions {
                rows.startRow(fields: 14)
                rows.field(item.id)
                rows.field(timestampMicroseconds: acceptedAt)
                rows.field(item.affiliate.rawValue)
                rows.field(text: "\(item.type.name)")
                rows.field(minorUnits: item.amount.minorUnits)
                rows.field(minorUnits: item.winnings.minorUnits)
                rows.field(text: item.currency)
                rows.field(timestampMicroseconds: item.dateMicroseconds ?? acceptedAt)
                rows.field(text: item.externalID)
                if let isEligible = item.isEligible { rows.field(isEligible) } else { rows.null() }
                if let metadata = item.metadata { rows.field(json: metadata) } else { rows.null() }
                rows.field(Int16(item.shard.rawValue))
                rows.field(item.upline)
                if item.inactiveDistances.isEmpty { rows.null() } else { rows.field(item.inactiveDistances) }
                try rows.flushIfFull(writer)
            }
            try rows.finish(writer)
        }
        guard count == transactions.count else {
            throw StoreError(.unexpectedAnswer, "\(count) of \(transactions.count) transactions were written")
        }
    }

    private static let keySQL = """
        INSERT INTO fature_v2.transaction_key SELECT * FROM unnest($1, $2) ON CONFLICT DO NOTHING
        """
    private static let copySQL = """
        COPY fature_v2.transactions (
            transaction_id, accepted_at, affiliate_id, transaction_type, amount, winnings, currency, transaction_date,
            external_transaction_id, commission_eligible, metadata, shard_id, upline, upline_inactive
        ) FROM STDIN (FORMAT binary)
        """
}
