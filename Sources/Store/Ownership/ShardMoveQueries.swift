import Core
import Ownership
import PostgresClient

/// The rows of hand-offs: how a move is ordered, what its source and target write, and where it is. `docs/design/handoff.md` says who does what
/// when.
package enum ShardMoveQueries {
    /// What became of an order.
    package enum OrderOutcome: Equatable, Sendable {
        case ordered(ShardMove)
        /// This move of the shard is active already.
        case busy(ShardMove)
        /// Another coordinator leads.
        case termLost
        /// The target has no lease.
        case targetGone
        /// The shard has another owner or epoch than the order says.
        case ownerChanged
    }

    /// Orders a move of a shard from its owner to another worker.
    /// - Parameters:
    ///   - plan: the plan that asks for it, if one does.
    ///   - deadlineMilliseconds: after which it is aborted if it has not ended.
    /// - Throws: `PostgresError`; `StoreError` for an answer that the schema does not allow.
    package static func order(
        _ shard: ShardID, from source: WorkerInstanceID, at epoch: Epoch, to target: WorkerInstanceID, term: Int64,
        plan: Int64? = nil, deadlineMilliseconds: Int64, on connection: PostgresConnection, timeoutMilliseconds: Int? = nil
    ) throws -> OrderOutcome {
        let result = try connection.execute(
            "SELECT outcome, \(columns("(move).")) FROM fature_v2.order_move($1, $2, $3, $4, $5, $6, $7)",
            [
                .int(term), .optionalInt(plan), .int(Int64(shard.rawValue)), .int(source.rawValue), .int(epoch.rawValue),
                .int(target.rawValue), .int(deadlineMilliseconds),
            ], timeoutMilliseconds: timeoutMilliseconds)
        switch try result.text(0, 0) {
        case "ordered": return .ordered(try row(result, 0, from: 1))
        case "busy": return .busy(try row(result, 0, from: 1))
        case "term_lost": return .termLost
        case "target_gone": return .targetGone
        case "owner_changed": return .ownerChanged
        case let other: throw unexpected("ordering a move answered '\(other)'")
        }
    }

    /// Changes a move's row, if it is in the state that the change asks for.
    /// - Parameter instance: who writes: the move's source or target.
    /// - Throws: `PostgresError`, of which `MoveWriteOutcome(of:)` says what it means; `StoreError` for an answer that the schema does not allow.
    package static func write(
        _ move: MoveID, _ write: MoveWrite, by instance: WorkerInstanceID, on connection: PostgresConnection,
        timeoutMilliseconds: Int? = nil
    ) throws -> MoveWriteOutcome {
        let call: String
        let (id, worker) = (PostgresValue.int(move.rawValue), PostgresValue.int(instance.rawValue))
        let parameters: [PostgresValue]
        switch write {
        case .ready: (call, parameters) = ("ready_move($1, $2)", [id, worker])
        case .seal(let seal): (call, parameters) = ("seal_move($1, $2, $3, $4)", [id, worker] + seal.parameters)
        case .confirm(let seal): (call, parameters) = ("confirm_move($1, $2, $3, $4)", [id, worker] + seal.parameters)
        case .commit: (call, parameters) = ("commit_move($1, $2)", [id, worker])
        case .abort(let reason):
            (call, parameters) = ("abort_move($1, $2, $3)", [id, .text(reason.rawValue), .text("by instance \(instance)")])
        }
        let result = try connection.execute(
            "SELECT outcome, \(columns("(move).")) FROM fature_v2.\(call)", parameters, timeoutMilliseconds: timeoutMilliseconds)
        // There is no such row, and never will be again.
        if try result.isNull(0, 1) { return .failed }
        let row = try row(result, 0, from: 1)
        switch try result.text(0, 0) {
        case "applied": return .applied(row)
        case "not_applied", "not_confirmed": return .refused(row)
        case "fenced": return .fenced
        case "target_gone": return .targetGone
        case let other: throw unexpected("a step of a move answered '\(other)'")
        }
    }

    /// A row that makes no sense to this binary.
    package struct UnreadableRow: Equatable, Sendable {
        package var id: MoveID
        /// What is wrong with it.
        package var reason: String
    }

    /// What `rows` found.
    package struct Rows: Equatable, Sendable {
        /// Ascending by their ids.
        package var moves: [ShardMove] = []
        /// One of them hides no others.
        package var unreadable: [UnreadableRow] = []

        package init() {}
    }

    /// The moves from or to a worker that are active, and those that it names, ended or not.
    /// - Throws: `PostgresError`; `StoreError` for an answer whose columns are not as asked for.
    package static func rows(
        of instance: WorkerInstanceID, and known: [MoveID], on connection: PostgresConnection, timeoutMilliseconds: Int? = nil
    ) throws -> Rows {
        let active = "state NOT IN ('committed', 'aborted')"
        let result = try connection.execute(
            """
            SELECT \(columns("")) FROM fature_v2.shard_move
            WHERE (from_instance = $1 AND \(active)) OR (to_instance = $1 AND \(active)) OR move_id = ANY ($2::bigint[])
            ORDER BY move_id
            """, [.int(instance.rawValue), .int8Array(known.map(\.rawValue))], timeoutMilliseconds: timeoutMilliseconds)
        var rows = Rows()
        for number in 0..<result.rowCount {
            let id = MoveID(try result.int(number, 0))
            do { rows.moves.append(try row(result, number, from: 0)) } catch {
                rows.unreadable.append(UnreadableRow(id: id, reason: "\(error)"))
            }
        }
        return rows
    }

    // MARK: Rows

    private static func columns(_ prefix: String) -> String {
        [
            "move_id", "shard_id", "from_instance", "to_instance", "from_epoch", "state", "final_seq", "checksum", "commit_seq",
            "aborted_in", "abort_reason", "lag_changes_max", "hold_milliseconds_max",
        ].map { prefix + $0 }.joined(separator: ", ")
    }

    private static func row(_ result: PostgresResult, _ row: Int, from column: Int) throws -> ShardMove {
        ShardMove(
            id: MoveID(try result.int(row, column)), shard: try ShardID(stored: result.int(row, column + 1)),
            source: WorkerInstanceID(try result.int(row, column + 2)), target: WorkerInstanceID(try result.int(row, column + 3)),
            fromEpoch: Epoch(try result.int(row, column + 4)), stage: try stage(result, row, column + 5),
            limits: try limits(result, row, column + 11))
    }

    private static func limits(_ result: PostgresResult, _ row: Int, _ column: Int) throws -> ShardMove.Limits {
        let milliseconds = min(max(try result.int(row, column + 1), 1), holdMillisecondsMax)
        return ShardMove.Limits(lagMax: max(try result.int(row, column), 0), writeHoldMax: UInt64(milliseconds) * 1_000_000)
    }

    /// An hour: nobody means more.
    private static let holdMillisecondsMax: Int64 = 3_600_000

    private static func stage(_ result: PostgresResult, _ row: Int, _ column: Int) throws -> ShardMove.Stage {
        func seal() throws -> Seal {
            Seal(finalSequence: try result.int(row, column + 1), checksum: UInt64(bitPattern: try result.int(row, column + 2)))
        }
        switch try result.text(row, column) {
        case "preparing": return .preparing
        case "ready": return .ready
        case "sealed": return .sealed(try seal())
        case "confirmed": return .confirmed(try seal())
        case "committed": return .committed(try seal(), at: try result.int(row, column + 3))
        case "aborted":
            // That it has ended is what counts: reasons of other versions are somebody's wish.
            let reason = AbortReason(rawValue: try result.text(row, column + 5)) ?? .operator
            return .aborted(reason, warm: ["ready", "sealed", "confirmed"].contains(try result.text(row, column + 4)))
        case let other: throw unexpected("a move is '\(other)'")
        }
    }

    private static func unexpected(_ what: String) -> StoreError {
        StoreError(.unexpectedAnswer, "\(what), which this binary does not know")
    }
}

extension Seal {
    fileprivate var parameters: [PostgresValue] { [.int(finalSequence), .int(Int64(bitPattern: checksum))] }
}

extension MoveWriteOutcome {
    /// What an error says of the step that it ended. Only a server that has rolled the statement back, or was never asked, says that nothing
    /// will come of it.
    package init(of error: any Error) {
        guard let error = error as? PostgresError else {
            self = .unknown
            return
        }
        switch error.code {
        case .cannotConnect, .accessRefused, .usage, .queueFull, .shutDown: self = .failed
        case .connectionLost, .timedOut, .cancelled, .value: self = .unknown
        case .server:
            // A session that is ended from outside may have committed; so may one of which the server itself is not sure.
            let state = error.sqlState ?? ""
            self = state == "40003" || ["", "08", "57", "58", "XX"].contains(state.prefix(2)) ? .unknown : .failed
        }
    }
}
