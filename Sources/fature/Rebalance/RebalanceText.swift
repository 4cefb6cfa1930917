import Administration
import Placement

/// A plan of a rebalance for people.
enum RebalanceText {
    /// Basis points as a percentage: 1,050 is `10.5%`.
    static func percent(_ basisPoints: Int64) -> String {
        let sign = basisPoints < 0 ? "-" : ""
        let (whole, hundredths) = basisPoints.magnitude.quotientAndRemainder(dividingBy: 100)
        switch hundredths {
        case 0: return "\(sign)\(whole)%"
        case let tens where tens % 10 == 0: return "\(sign)\(whole).\(tens / 10)%"
        default: return "\(sign)\(whole).\(hundredths < 10 ? "0" : "")\(hundredths)%"
        }
    }

    static func text(of document: RebalanceDocument, isExplaining: Bool) -> String {
        var parts = [head(document), workers(document)]
        if !document.moves.isEmpty { parts.append(moves(document, isExplaining)) }
        parts += document.obstacles.map { obstacle($0, document, isExplaining) }
        if isExplaining { parts.append(method(document)) }
        return parts.joined(separator: "\n\n")
    }

    /// How far a kept plan is: what has not moved and why.
    static func status(of document: RebalanceDocument) -> String {
        var lines = [
            "plan \(document.plan ?? 0) is \(document.state)"
                + (document.stateAt.map { " since \($0)" } ?? "") + (document.stateBy.map { " by \($0)" } ?? "")
                + (document.stateReason.map { ": \($0)" } ?? "")
        ]
        if let counts = document.counts { lines.append(words(counts, of: document.moves.count)) }
        if let because = document.waitsBecause { lines.append("waiting: \(because)") }
        if let throttles = document.throttles {
            lines.append(
                "\(throttles.movesAtOnce) moves at once, \(throttles.movesPerSource) from a worker, \(throttles.movesPerTarget) to a worker; "
                    + "lag \(throttles.lagChangesMax) changes, hold \(throttles.holdMillisecondsMax) ms"
                    + (throttles.p99MicrosecondsMax.map { ", none while the p99 is above \($0) µs" } ?? ""))
        }
        let notable = document.moves.filter { $0.state != "planned" && $0.state != "done" || $0.failure != nil }
        guard !notable.isEmpty else { return lines.joined(separator: "\n") }
        var table = TextTable(["move", "shard", "from", "to", "affiliates", "state"])
        for move in notable {
            table.add([
                String(move.position), String(move.shard), move.from, move.to, String(move.affiliates),
                [move.state, move.failure].compactMap { $0 }.joined(separator: ": "),
            ])
        }
        return lines.joined(separator: "\n") + "\n\n" + table.text
    }

    /// One line for somebody who waits.
    static func progress(_ document: RebalanceDocument) -> String {
        "plan \(document.plan ?? 0) is \(document.state)"
            + (document.counts.map { ": " + words($0, of: document.moves.count) } ?? "")
            + (document.waitsBecause.map { "; waiting: \($0)" } ?? "")
    }

    private static func words(_ counts: RebalanceDocument.Counts, of total: Int) -> String {
        var words = ["\(counts.done) of \(total) moves done"]
        if counts.moving > 0 { words.append("\(counts.moving) under way") }
        if counts.planned > 0 { words.append("\(counts.planned) to come") }
        if counts.failed > 0 { words.append("\(counts.failed) failed") }
        if counts.skipped > 0 { words.append("\(counts.skipped) left out") }
        return words.joined(separator: ", ")
    }

    private static func head(_ document: RebalanceDocument) -> String {
        let name = document.plan.map { "plan \($0) (\(document.state))" } ?? "a plan that is not kept"
        let imbalance =
            "the heaviest worker is \(percent(document.imbalanceBefore)) above the mean"
            + (document.moves.isEmpty ? "" : ", \(percent(document.imbalanceAfter)) afterwards")
        guard !document.moves.isEmpty else {
            let verdict =
                document.isBalancedAfter ? "within the threshold of \(percent(document.threshold))" : "and moving cannot help"
            return
                "\(name): nothing to move; \(imbalance), \(document.obstacles.isEmpty ? verdict : "as far down as whole shards bring it")"
        }
        let rest = document.isCutShort ? "\nmore moves would help; this plan may have \(document.maxMoves ?? 0)" : ""
        let why = (document.stateReason ?? document.waitsBecause).map { "\n\(document.state): \($0)" } ?? ""
        return
            "\(name): \(document.moves.count) \(document.moves.count == 1 ? "move" : "moves"), \(document.affiliatesMoved) affiliates to load; "
            + imbalance + rest + why
    }

    private static func workers(_ document: RebalanceDocument) -> String {
        var table = TextTable([
            "worker", "standing", "capacity", "shards", "after", document.weight, "after", "of fair share", "after",
        ])
        for worker in document.workers {
            let isShared = worker.standing != WorkerStanding.cordoned.rawValue
            table.add([
                worker.workerId, worker.standing, String(worker.capacity), String(worker.shardsBefore),
                String(worker.shardsAfter),
                String(worker.weightBefore - Int64(worker.shardsBefore)), String(worker.weightAfter - Int64(worker.shardsAfter)),
                isShared ? percent(worker.shareBefore) : "", isShared ? percent(worker.shareAfter) : "",
            ])
        }
        return table.text
    }

    private static func moves(_ document: RebalanceDocument, _ isExplaining: Bool) -> String {
        var header = ["move", "shard", "from", "to", document.weight, "affiliates", "why"]
        let isUnderWay = document.moves.contains { $0.state != nil && $0.state != "planned" }
        if isUnderWay { header.append("state") }
        var table = TextTable(header)
        for move in document.moves {
            var row = [
                String(move.position), String(move.shard), move.from, move.to, String(move.weight), String(move.affiliates),
                why(move, document, isExplaining),
            ]
            if isUnderWay { row.append([move.state, move.failure].compactMap { $0 }.joined(separator: ": ")) }
            table.add(row)
        }
        return table.text
    }

    private static func why(_ move: RebalanceDocument.Move, _ document: RebalanceDocument, _ isExplaining: Bool) -> String {
        let source = document.workers.first { $0.instance == move.fromInstance }
        switch RebalancePlan.Reason(rawValue: move.reason) {
        case .drain: return "\(move.from) is draining"
        case .overload:
            let word = "\(move.from) carries \(percent(source?.shareBefore ?? 0)) of its fair share"
            return isExplaining ? "\(word), \(percent(10_000 + document.threshold)) are allowed" : word
        case .makeRoom: return "\(move.from) makes room for what it gets"
        case nil: return move.reason
        }
    }

    private static func obstacle(
        _ obstacle: RebalanceDocument.Obstacle, _ document: RebalanceDocument, _ isExplaining: Bool
    ) -> String {
        let times =
            obstacle.fairShare > 0 ? percent(Int64(clamping: Int128(obstacle.weight) * 10_000 / Int128(obstacle.fairShare))) : "?"
        var lines = [
            "moving cannot help shard \(obstacle.shard) on \(obstacle.workerId): it alone weighs \(times) of that worker's fair share"
                + (obstacle.isGiant ? ", and no worker could bear it" : "; the shards are too coarse")
        ]
        guard let cut = obstacle.cut else {
            lines.append("no cut at an affiliate known as heavy would make it lighter")
            return lines.joined(separator: "\n")
        }
        let heaviest = cut.pieces.prefix(isExplaining ? cut.pieces.count : 5)
        let names = heaviest.map { "\($0.affiliateId) (\($0.weight)\($0.sponsorId == nil ? ", a whole tree" : ""))" }
        let more = cut.pieces.count > heaviest.count ? " and \(cut.pieces.count - heaviest.count) more (--explain)" : ""
        lines.append(
            "a cut at \(cut.pieces.count == 1 ? "this affiliate" : "these \(cut.pieces.count) affiliates") "
                + (cut.balances ? "would balance the cluster" : "is the best there is, and would not balance the cluster")
                + " (the heaviest worker \(percent(cut.imbalanceAfter)) above the mean): " + names.joined(separator: ", ") + more)
        if isExplaining { lines.append("\(cut.rest) would stay in the shard") }
        return lines.joined(separator: "\n")
    }

    private static func method(_ document: RebalanceDocument) -> String {
        var lines = [
            "fair share: the mean \(document.weight) of the open workers for a worker's capacity, each shard counted as one more than it has",
            "limit: the fair share and \(percent(document.threshold)); only workers above it give shards away. Giants and the workers set apart for them "
                + "are left out of the mean",
            "cost: the affiliates that the new owner loads, and 10,000 for each hand-off",
        ]
        for worker in document.workers { if let limit = worker.limit { lines.append("\(worker.workerId) may carry \(limit)") } }
        return lines.joined(separator: "\n")
    }
}
