import Core
import Placement
import PostgresClient

/// The kept plans of rebalances, and what people do to them. Each change has its audit row.
package enum RebalancePlans {
    /// The newest so many are kept, and those under way.
    package static let keptMax: Int64 = 1_000
    /// How many are read at once.
    package static let readMax = 1_000

    // MARK: Keeping and reading

    /// Keeps a plan. Returns its number.
    package static func store(
        _ plan: NewRebalancePlan, origin: ChangeOrigin, on connection: PostgresConnection
    ) throws -> Int64 {
        let moves = plan.moves.map(\.move)
        return try connection.execute(
            """
            SELECT fature_v2.store_rebalance_plan(
                $1, $2, $3, $4, $5, $6::jsonb, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)
            """,
            [
                .text(plan.weight.rawValue), .int(plan.limits.threshold), .optionalInt(plan.limits.movesMax.map { Int64($0) }),
                .textArray(plan.drained), .int(plan.topologyVersion), .text(plan.document),
                .int8Array(moves.map { Int64($0.shard.rawValue) }), .int8Array(moves.map(\.from.rawValue)),
                .int8Array(moves.map(\.to.rawValue)), .int8Array(plan.moves.map(\.fromEpoch.rawValue)),
                .textArray(moves.map(\.reason.rawValue)), .int8Array(moves.map(\.weight)), .int8Array(moves.map(\.affiliates)),
                .int(keptMax), .text(origin.actor), .optionalText(origin.requestID),
            ]
        ).int(0, 0)
    }

    /// The newest first, `limit` at most; without their documents, of which each may have 100 KB.
    package static func newest(_ limit: Int, on connection: PostgresConnection) throws -> [ListedRebalancePlan] {
        guard (1...readMax).contains(limit) else { throw StoreError(.tooMany, "\(limit) plans; 1 to \(readMax)") }
        let result = try connection.execute(
            """
            SELECT p.plan_id, p.state, p.weight, p.drained, p.actor, (extract(epoch FROM p.planned_at) * 1000000)::bigint,
                p.state_reason, m.total, m.done
            FROM fature_v2.rebalance_plan p
            CROSS JOIN LATERAL (
                SELECT count(*) AS total, count(*) FILTER (WHERE state = 'done') AS done
                FROM fature_v2.rebalance_move WHERE plan_id = p.plan_id) m
            ORDER BY p.plan_id DESC LIMIT $1
            """, [.int(Int64(limit))])
        return try (0..<result.rowCount).map { row in
            ListedRebalancePlan(
                number: try result.int(row, 0), state: try word(result, row, 1), weight: try word(result, row, 2),
                drained: try result.textArray(row, 3).compactMap { $0 }, actor: try result.text(row, 4),
                plannedAtMicroseconds: try result.int(row, 5), stateReason: try result.optionalText(row, 6),
                movesTotal: try result.int(row, 7), movesDone: try result.int(row, 8))
        }
    }

    /// Nil if it is not there, or not any more.
    package static func find(_ number: Int64, on connection: PostgresConnection) throws -> StoredRebalancePlan? {
        try rows(connection.execute("\(select) WHERE p.plan_id = $1", [.int(number)])).first
    }

    /// The one that is applied or paused.
    package static func underWay(on connection: PostgresConnection) throws -> StoredRebalancePlan? {
        try rows(connection.execute("\(select) WHERE p.state IN ('applying', 'paused')")).first
    }

    /// In the order in which they begin.
    package static func moves(of number: Int64, on connection: PostgresConnection) throws -> [StoredRebalanceMove] {
        let result = try connection.execute(
            "SELECT \(moveColumns) FROM fature_v2.rebalance_move m WHERE m.plan_id = $1 ORDER BY m.position", [.int(number)])
        return try (0..<result.rowCount).map { try move(result, $0) }
    }

    /// The moves of one shard in any kept plan, the newest plan first, with its number and state.
    package static func moves(
        ofShard shard: ShardID, limit: Int, on connection: PostgresConnection
    ) throws -> [(plan: Int64, state: StoredRebalancePlan.State, move: StoredRebalanceMove)] {
        let result = try connection.execute(
            """
            SELECT \(moveColumns), p.plan_id, p.state
            FROM fature_v2.rebalance_plan p JOIN fature_v2.rebalance_move m ON m.plan_id = p.plan_id AND m.shard_id = $1::smallint
            ORDER BY p.plan_id DESC LIMIT $2
            """, [.int(Int64(shard.rawValue)), .int(Int64(limit))])
        return try (0..<result.rowCount).map { row in
            (try result.int(row, 12), try word(result, row, 13), try move(result, row))
        }
    }

    private static let moveColumns = """
        m.position, m.shard_id, m.from_instance, m.to_instance, m.from_epoch, m.reason, m.weight, m.affiliates, m.state, m.attempts,
        m.move_id, m.failure
        """

    private static func move(_ result: PostgresResult, _ row: Int) throws -> StoredRebalanceMove {
        StoredRebalanceMove(
            position: try result.int(row, 0), shard: try ShardID(stored: result.int(row, 1)),
            from: WorkerInstanceID(try result.int(row, 2)), to: WorkerInstanceID(try result.int(row, 3)),
            fromEpoch: Epoch(try result.int(row, 4)), reason: try word(result, row, 5), weight: try result.int(row, 6),
            affiliates: try result.int(row, 7), state: try word(result, row, 8), attempts: try result.int(row, 9),
            move: try result.optionalInt(row, 10), failure: try result.optionalText(row, 11))
    }

    private static let select = """
        SELECT p.plan_id, p.state, p.weight, p.threshold, p.moves_max, p.drained, p.topology_version, p.document::text, p.actor,
            (extract(epoch FROM p.planned_at) * 1000000)::bigint, (extract(epoch FROM p.state_at) * 1000000)::bigint, p.state_by,
            p.state_reason, p.moves_at_once, p.moves_per_source, p.moves_per_target, p.lag_changes_max, p.hold_milliseconds_max,
            p.p99_microseconds_max, p.waits_because,
            ARRAY(
                SELECT (SELECT count(*) FROM fature_v2.rebalance_move m WHERE m.plan_id = p.plan_id AND m.state = s.word)
                FROM unnest('{planned,moving,done,failed,skipped}'::text[]) WITH ORDINALITY AS s (word, place) ORDER BY s.place)
        FROM fature_v2.rebalance_plan p
        """
    /// As `select` counts them.
    private static let countedStates: [StoredRebalanceMove.State] = [.planned, .moving, .done, .failed, .skipped]

    private static func rows(_ result: PostgresResult) throws -> [StoredRebalancePlan] {
        try (0..<result.rowCount).map { row in
            let counts = try result.intArray(row, 20).map { $0 ?? 0 }
            return StoredRebalancePlan(
                number: try result.int(row, 0), state: try word(result, row, 1), weight: try word(result, row, 2),
                threshold: try result.int(row, 3), movesMax: try result.optionalInt(row, 4),
                drained: try result.textArray(row, 5).compactMap { $0 }, topologyVersion: try result.int(row, 6),
                document: try result.text(row, 7), actor: try result.text(row, 8), plannedAtMicroseconds: try result.int(row, 9),
                stateAtMicroseconds: try result.int(row, 10), stateBy: try result.text(row, 11),
                stateReason: try result.optionalText(row, 12), throttles: try throttles(result, row),
                waitsBecause: try result.optionalText(row, 19),
                moves: Dictionary(zip(countedStates, counts).filter { $0.1 > 0 }) { $0 + $1 })
        }
    }

    private static func throttles(_ result: PostgresResult, _ row: Int) throws -> RebalanceThrottles? {
        guard let movesAtOnce = try result.optionalInt(row, 13) else { return nil }
        var throttles = RebalanceThrottles()
        throttles.movesAtOnce = movesAtOnce
        throttles.movesPerSource = try result.int(row, 14)
        throttles.movesPerTarget = try result.int(row, 15)
        throttles.lagChangesMax = try result.int(row, 16)
        throttles.holdMillisecondsMax = try result.int(row, 17)
        throttles.p99MicrosecondsMax = try result.optionalInt(row, 18)
        return throttles
    }

    static func word<Word: RawRepresentable<String>>(_ result: PostgresResult, _ row: Int, _ column: Int) throws -> Word {
        let text = try result.text(row, column)
        guard let word = Word(rawValue: text) else {
            throw StoreError(.unexpectedAnswer, "the database has the word '\(text)', which this binary does not know")
        }
        return word
    }

    // MARK: Deciding

    /// Has the coordinator carry a plan out, exactly as it stands; its drained workers become draining.
    package static func apply(
        _ number: Int64, throttles: RebalanceThrottles = RebalanceThrottles(), origin: ChangeOrigin,
        on connection: PostgresConnection
    ) throws -> ApplyOutcome {
        let result = try connection.execute(
            """
            SELECT outcome, plan_state, other_plan, changed_shards, lost_targets
            FROM fature_v2.apply_rebalance_plan($1, $2, $3, $4, $5, $6, $7, $8, $9)
            """,
            [
                .int(number), .int(throttles.movesAtOnce), .int(throttles.movesPerSource), .int(throttles.movesPerTarget),
                .int(throttles.lagChangesMax), .int(throttles.holdMillisecondsMax), .optionalInt(throttles.p99MicrosecondsMax),
                .text(origin.actor), .optionalText(origin.requestID),
            ])
        switch try result.text(0, 0) {
        case "applying": return .applying
        case "no_such_plan": return .noSuchPlan
        case "not_planned": return .notPlanned(try word(result, 0, 1))
        case "nothing_to_move": return .nothingToMove
        case "other_active": return .otherActive(try result.optionalInt(0, 2))
        case "refused":
            let changed = try result.isNull(0, 3) ? [] : result.intArray(0, 3).compactMap { $0 }
            let lost = try result.isNull(0, 4) ? [] : result.intArray(0, 4).compactMap { $0 }
            return .refused(changed: try changed.map { try ShardID(stored: $0) }, lostTargets: lost.map { WorkerInstanceID($0) })
        case let other:
            throw StoreError(.unexpectedAnswer, "applying a plan answered '\(other)', which this binary does not know")
        }
    }

    /// Pauses, resumes or aborts a plan.
    package static func steer(
        _ number: Int64, _ action: RebalanceAction, reason: String? = nil, origin: ChangeOrigin, on connection: PostgresConnection
    ) throws -> SteerOutcome {
        let result = try connection.execute(
            "SELECT outcome, plan_state FROM fature_v2.steer_rebalance_plan($1, $2, $3, $4, $5)",
            [
                .int(number), .text(action.rawValue), .optionalText(reason), .text(origin.actor), .optionalText(origin.requestID),
            ])
        switch try result.text(0, 0) {
        case "done": return .done(try word(result, 0, 1))
        case "no_such_plan": return .noSuchPlan
        case "wrong_state": return .wrongState(try word(result, 0, 1))
        case let other:
            throw StoreError(.unexpectedAnswer, "changing a plan answered '\(other)', which this binary does not know")
        }
    }
}
