import ArgumentParser
import Core
import PostgresClient
import Store

/// `fature shard explain`.
struct ShardExplainCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain",
        abstract: "Say everything about one shard: its owner, its weights, its heaviest affiliates, and the plans that move it.",
        discussion: """
            Example: fature shard explain 17

            Exit status: 0 shown, 3 no cluster named, 64 no such shard, 69 no PostgreSQL, 76 schema of another version.
            """)

    @Argument(help: ArgumentHelp("The shard's number.", valueName: "shard"))
    var number: Int

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var location: ClusterLocation

    private static let heavyMax = 10
    private static let heavyMillisecondsMax = 30_000

    struct Answer: Encodable {
        struct Weight: Encodable {
            let kind: String
            let weight: Int64
            /// Of all shards, in basis points.
            let share: Int64
        }
        struct Heavy: Encodable {
            let affiliateId: Int64
            let sponsorId: Int64?
            let level: Int64
            /// It and its whole downline.
            let affiliates: Int64
        }
        struct Move: Encodable {
            let plan: Int64
            let planState: String
            let from: String
            let to: String
            let reason: String
            let state: String
            let failure: String?
        }

        let shard: Int
        let workerId: String?
        let instance: Int64?
        let standing: String?
        let leaseMillisecondsLeft: Int64?
        let epoch: Int64
        let lastSequence: Int64
        let weights: [Weight]
        let heaviest: [Heavy]
        /// The newest first.
        let moves: [Move]
    }

    func validate() throws {
        guard (0..<ShardID.count).contains(number) else {
            throw ValidationError("shard \(number): give 0 to \(ShardID.count - 1)")
        }
    }

    func run() throws {
        try explained {
            let connection = try location.connectToCurrentSchema("shard explain")
            let answer = try connection.transaction(.snapshotReadOnly) { try self.answer(connection) }
            if json { return try JSONAnswer.print(answer) }
            Console.answer(Self.text(answer))
        }
    }

    private func answer(_ connection: PostgresConnection) throws -> Answer {
        let id = ShardID(number)
        let shards = try OwnershipQueries.weighedShards(on: connection)
        let workers = try OwnershipQueries.workers(on: connection)
        let shard = shards[number]
        let owner = workers.first { $0.instance == shard.owner }
        func name(_ instance: WorkerInstanceID) -> String {
            workers.first { $0.instance == instance }?.registration.name ?? "instance \(instance)"
        }
        let weights = try ShardWeightKind.allCases.map { kind in
            let all = kind == .affiliates ? shards.map(\.affiliates) : try ShardWeights.read(kind, on: connection)
            let total = all.reduce(0, +)
            return Answer.Weight(
                kind: kind.rawValue, weight: all[number],
                share: total == 0 ? 0 : Int64(clamping: Int128(all[number]) * 10_000 / Int128(total)))
        }
        let heavy = try HeavyAffiliate.read(
            of: id, affiliatesMin: 1, limit: Self.heavyMax, on: connection, timeoutMilliseconds: Self.heavyMillisecondsMax)
        return Answer(
            shard: number, workerId: owner?.registration.name, instance: shard.owner?.rawValue,
            standing: owner?.standing.rawValue, leaseMillisecondsLeft: owner?.leaseMillisecondsLeft, epoch: shard.epoch.rawValue,
            lastSequence: try HierarchyChanges.lastSequences(on: connection)[number], weights: weights,
            heaviest: heavy.map {
                .init(
                    affiliateId: $0.id.rawValue, sponsorId: $0.sponsor?.rawValue, level: $0.level, affiliates: $0.affiliates)
            },
            moves: try RebalancePlans.moves(ofShard: id, limit: Self.heavyMax, on: connection).map { plan, state, move in
                .init(
                    plan: plan, planState: state.rawValue, from: name(move.from), to: name(move.to),
                    reason: move.reason.rawValue, state: move.state.rawValue, failure: move.failure)
            })
    }

    private static func text(_ answer: Answer) -> String {
        let owner =
            answer.workerId.map { "\($0) (instance \(answer.instance ?? 0), \(answer.standing ?? ""))" }
            ?? "nobody: the coordinator gives it to the least loaded open worker"
        var parts = [
            "shard \(answer.shard) is served by \(owner), epoch \(answer.epoch), change \(answer.lastSequence)\n"
                + "a shard stays with its owner until that worker goes, or a rebalance plan that moves it is applied"
        ]
        var weights = TextTable(["weight", "of this shard", "of all"])
        for weight in answer.weights { weights.add([weight.kind, String(weight.weight), RebalanceText.percent(weight.share)]) }
        parts.append(weights.text)
        if !answer.heaviest.isEmpty {
            var table = TextTable(["heaviest affiliates", "sponsor", "level", "with downline"])
            for heavy in answer.heaviest {
                table.add([
                    String(heavy.affiliateId), heavy.sponsorId.map(String.init) ?? "", String(heavy.level),
                    String(heavy.affiliates),
                ])
            }
            parts.append(table.text)
        }
        if !answer.moves.isEmpty {
            var table = TextTable(["plan", "state", "from", "to", "why", "move"])
            for move in answer.moves {
                table.add([
                    String(move.plan), move.planState, move.from, move.to, move.reason,
                    [move.state, move.failure].compactMap { $0 }.joined(separator: ": "),
                ])
            }
            parts.append(table.text)
        }
        return parts.joined(separator: "\n\n")
    }
}
