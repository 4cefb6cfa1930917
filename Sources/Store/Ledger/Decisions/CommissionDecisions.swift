import Core
import PostgresClient

/// Decisions about commissions: another status, for one entry or many, with who and why (`commission_operation`). The running totals change
/// in the same transaction.
package enum CommissionDecisions {
    /// How many entries are decided about at once.
    package static let entriesMax = 1000
    /// How many entries one piece of a decision by filter looks at.
    package static let pieceMax = 2000

    package struct Decision: Sendable {
        package var status: CommissionStatus
        package var reason: String
        package var origin: ChangeOrigin

        package init(status: CommissionStatus, reason: String, origin: ChangeOrigin) {
            self.status = status
            self.reason = reason
            self.origin = origin
        }
    }

    package enum Outcome: String, Sendable {
        case changed
        /// It has that status already.
        case unchanged
        /// It cannot go there from where it is.
        case illegal
        /// Its transaction is reversed: cancelling the entry, or its mirror, would take the money back twice.
        case reversed
        case unknown
    }

    /// What became of one entry.
    package struct Result: Sendable, Equatable {
        package var id: CommissionID
        package var outcome: Outcome
        /// The status before; nil if there is no such entry.
        package var previous: CommissionStatus?
        /// A decimal text.
        package var amount: String?
        /// The decision's number, if the entry was changed.
        package var operation: Int64?

        package init(id: CommissionID, outcome: Outcome, previous: CommissionStatus?, amount: String?, operation: Int64?) {
            self.id = id
            self.outcome = outcome
            self.previous = previous
            self.amount = amount
            self.operation = operation
        }
    }

    /// Decides about these, each by itself, in one transaction. The results are in the order of the ids, each of which is told once.
    package static func decide(
        _ decision: Decision, about ids: [CommissionID], on connection: PostgresConnection, timeoutMilliseconds: Int? = nil
    ) throws -> [Result] {
        guard ids.count <= entriesMax else {
            throw StoreError(.tooMany, "\(ids.count) commissions to decide about; one call takes \(entriesMax)")
        }
        let rows = try connection.execute(
            """
            SELECT d.transaction_id, d.ordinal, d.outcome, d.from_status, d.amount::text, d.operation_id
            FROM fature_v2.decide_commissions(
                $1, (SELECT array_agg(o.ordinal::smallint ORDER BY o.place) FROM unnest($2) WITH ORDINALITY AS o (ordinal, place)),
                $3::text, $4::text, $5::text, $6::text) AS d
            """,
            [.int8Array(ids.map(\.transaction)), .int8Array(ids.map { Int64($0.ordinal) })] + parameters(decision),
            timeoutMilliseconds: timeoutMilliseconds)
        var found: [CommissionID: Result] = [:]
        for row in 0..<rows.rowCount {
            let word = try rows.text(row, 2)
            guard let outcome = Outcome(rawValue: word), let ordinal = Int16(exactly: try rows.int(row, 1)) else {
                throw StoreError(.unexpectedAnswer, "a decision came to '\(word)', which this binary does not know")
            }
            let id = CommissionID(transaction: try rows.int(row, 0), ordinal: ordinal)
            found[id] = Result(
                id: id, outcome: outcome, previous: try rows.optionalText(row, 3).flatMap { CommissionStatus(name: $0) },
                amount: try rows.optionalText(row, 4), operation: try rows.optionalInt(row, 5))
        }
        return ids.compactMap { found.removeValue(forKey: $0) }
    }

    /// Which entries a decision is about. Nil: any.
    package struct Filter: Sendable, Equatable {
        package var beneficiary: AffiliateID?
        package var status: CommissionStatus?
        /// When the entry was made: from this moment on, and before that one. Microseconds since 1970.
        package var from: Int64?
        package var to: Int64?

        package init(
            beneficiary: AffiliateID? = nil, status: CommissionStatus? = nil, from: Int64? = nil, to: Int64? = nil
        ) {
            self.beneficiary = beneficiary
            self.status = status
            self.from = from
            self.to = to
        }
    }

    /// How far a decision by filter has come.
    package struct Position: Sendable, Equatable {
        /// Microseconds since 1970.
        package var createdAt: Int64
        package var id: CommissionID

        package init(createdAt: Int64, id: CommissionID) {
            self.createdAt = createdAt
            self.id = id
        }
    }

    /// What one piece came to.
    package struct Piece: Sendable, Equatable {
        package var changed: Int64
        package var unchanged: Int64
        package var refused: Int64
        /// Of what was changed, a decimal text.
        package var amount: String
        package var operation: Int64?
        /// Where to go on; nil after the last piece.
        package var next: Position?
    }

    /// Decides about the next `pieceMax` entries behind `position`, as far as the filter names them, in one transaction.
    package static func decideNext(
        _ decision: Decision, where filter: Filter, after position: Position?, pieceMax: Int = Self.pieceMax,
        on connection: PostgresConnection, timeoutMilliseconds: Int? = nil
    ) throws -> Piece {
        let row = try connection.execute(
            pieceSQL,
            parameters(decision) + [
                .optionalInt(filter.beneficiary?.rawValue), .optionalText(filter.status.map { "\($0.name)" }),
                .optionalInt(filter.from), .optionalInt(filter.to), .optionalInt(position?.createdAt),
                .int(position?.id.transaction ?? 0), .int(Int64(position?.id.ordinal ?? 0)), .int(Int64(pieceMax)),
            ], timeoutMilliseconds: timeoutMilliseconds)
        var next: Position?
        if try row.int(0, 0) == pieceMax, let ordinal = Int16(exactly: try row.int(0, 3)) {
            next = Position(
                createdAt: try row.int(0, 1), id: CommissionID(transaction: try row.int(0, 2), ordinal: ordinal))
        }
        return Piece(
            changed: try row.int(0, 4), unchanged: try row.int(0, 5), refused: try row.int(0, 6), amount: try row.text(0, 7),
            operation: try row.optionalInt(0, 8), next: next)
    }

    private static func parameters(_ decision: Decision) -> [PostgresValue] {
        [
            .text("\(decision.status.name)"), .text(decision.reason), .text(decision.origin.actor),
            .optionalText(decision.origin.requestID),
        ]
    }

    private static func moment(_ parameter: String) -> String {
        "timestamptz 'epoch' + \(parameter)::bigint * interval '1 microsecond'"
    }

    private static let pieceSQL = """
        SELECT d.looked_at, \(microseconds("d.last_created")), d.last_transaction, d.last_ordinal, d.changed, d.unchanged, d.refused,
            d.amount::numeric(20,2)::text, d.operation_id
        FROM fature_v2.decide_commissions_where(
            $5::bigint, $6::text, \(moment("$7")), \(moment("$8")), coalesce(\(moment("$9")), '-infinity'), $10::bigint, $11::smallint,
            $12::integer, $1::text, $2::text, $3::text, $4::text) AS d
        """
}
