import Administration
import ArgumentParser
import Core

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

    @OptionGroup var administration: AdministrationOptions

    func validate() throws {
        guard (0..<ShardID.count).contains(number) else {
            throw ValidationError("shard \(number): give 0 to \(ShardID.count - 1)")
        }
    }

    func run() throws {
        try explained {
            let answer = try administration.port("shard explain").shard(number)
            if json { return try JSONAnswer.print(answer) }
            Console.answer(Self.text(answer))
        }
    }

    private static func text(_ answer: ShardDocument) -> String {
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
