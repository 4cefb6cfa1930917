import LoadPlan
import LoadRecord

/// The page's tables.
extension RunPage {
    var operations: Markup {
        let strip = SpreadStrip(record.operations.map(\.response) + record.shards.map(\.response))
        func row(_ operation: OperationRecord, isTotal: Bool = false) -> Markup {
            let times = operation.response
            let answers = Int(clamping: times.count)
            return """
                <tr\(isTotal ? " class=\"total\"" as Markup : "" as Markup)><th scope="row">\(isTotal ? "all" : operation.name)</th><td>\(Quantity.count(operation.requests))</td><td>\(Quantity.rate(record.seconds > 0 ? Double(answers) / record.seconds : 0))</td>\
                \(errorCell(operation.errors, of: operation.requests))\(timeCells(times, strip))<td>\(answers == 0 ? "–" : Quantity.bytes(operation.bytes / answers))</td></tr>
                """
        }
        let rows = record.operations.map { row($0) } + (record.operations.count > 1 ? [row(total, isTotal: true)] : [])
        var section: Markup = """
            <section><h2>By operation</h2>
            <div class="wide"><table><thead><tr><th scope="col">Operation</th><th scope="col">Requests</th><th scope="col">Answered</th><th scope="col">Errors</th>\(Self.timeHeads)<th scope="col">Answer</th></tr></thead><tbody>\(rows)</tbody></table></div>
            <p class="note">Spread: \(strip.axisWords).</p>
            """
        if record.shards.count > 0 {
            let rows = record.shards.map { shard -> Markup in
                """
                <tr><th scope="row">shard \(shard.shard)</th><td>\(Quantity.count(shard.outcomes.total))</td><td>\(Quantity.share(Double(shard.outcomes.total) / Double(max(1, record.shards.reduce(0) { $0 + $1.outcomes.total }))))</td>\
                \(errorCell(shard.outcomes.errors, of: shard.outcomes.total))\(timeCells(shard.response, strip))</tr>
                """
            }
            section += """
                <h3>By shard</h3>
                <div class="wide"><table><thead><tr><th scope="col">Shard</th><th scope="col">Requests</th><th scope="col">Share</th><th scope="col">Errors</th>\(Self.timeHeads)</tr></thead><tbody>\(rows)</tbody></table></div>
                """
        }
        return section + "</section>"
    }

    private static let timeHeads: Markup =
        "<th scope=\"col\">p50</th><th scope=\"col\">p99</th><th scope=\"col\">p99.9</th><th scope=\"col\">Slowest</th><th scope=\"col\" class=\"spreadhead\">Spread</th>"

    private func timeCells(_ times: TimeHistogram, _ strip: SpreadStrip) -> Markup {
        func cell(_ microseconds: UInt64) -> Markup {
            "<td>\(times.isEmpty ? "–" : Quantity.time(microseconds: microseconds))</td>"
        }
        return cell(times.percentile(50)) + cell(times.percentile(99)) + cell(times.percentile(99.9)) + cell(times.max)
            + "<td class=\"stripcell\">\(strip.markup(times))</td>"
    }

    private func errorCell(_ errors: Int, of requests: Int) -> Markup {
        guard errors > 0 else { return "<td>0</td>" }
        return
            "<td class=\"warn\">\(Quantity.count(errors)) <small>\(Quantity.share(Double(errors) / Double(max(1, requests))))</small></td>"
    }

    /// How requests ended: by outcome, and by status.
    var endings: Markup {
        var rows = Outcome.allCases.filter { $0 == .ok || total.outcomes[$0] > 0 }.map { outcome -> Markup in
            ending(outcome.name, outcome.words, total.outcomes[outcome], isGood: outcome == .ok)
        }
        if total.overflow > 0 {
            rows.append(ending("overflow", "not sent: too many were in flight", total.overflow, isGood: false))
        }
        let statuses = total.statuses.filter { $0.value > 0 }.sorted { $0.key < $1.key }.map {
            "<span class=\"chip\"><b>\($0.key)</b> \(Quantity.count($0.value))</span>" as Markup
        }
        return """
            <section><h2>How requests ended</h2>
            <table><thead><tr><th scope="col">Outcome</th><th scope="col" class="words">Meaning</th><th scope="col">Requests</th><th scope="col">Share</th></tr></thead><tbody>\(rows)</tbody></table>
            \(statuses.isEmpty ? "" : "<p class=\"chips\">HTTP statuses: \(statuses)</p>" as Markup)
            </section>
            """
    }

    private func ending(_ name: String, _ meaning: String, _ count: Int, isGood: Bool) -> Markup {
        "<tr\(isGood ? "" as Markup : " class=\"warn\"" as Markup)><th scope=\"row\">\(name)</th><td class=\"words\">\(meaning)</td><td>\(Quantity.count(count))</td><td>\(Quantity.share(Double(count) / Double(max(1, total.requests))))</td></tr>"
    }

    // MARK: - The ledger

    var ledger: Markup {
        guard record.ledger != nil || record.answers != nil else { return "" }
        var body = Markup()
        if let ledger = record.ledger {
            if let reason = ledger.unchecked {
                body += "<p class=\"warn\">The ledger was not checked: \(reason)</p>"
            } else {
                body +=
                    "<p>Every accepted transaction was looked up in PostgreSQL, and what it paid was compared with the commission oracle.</p>"
                body += facts([
                    ("accepted", ledger.accepted, false), ("lost", ledger.lost, true), ("doubled", ledger.doubled, true),
                    ("wrong", ledger.wrong, true),
                    ("no answer, and there", ledger.unanswered, false),
                ])
                body += examples(ledger.examples)
            }
        }
        if let answers = record.answers {
            body +=
                "<p>Sampled answers were compared with recursive SQL; those of affiliates that changed meanwhile were skipped.</p>"
            body += facts([
                ("compared", answers.compared, false), ("wrong", answers.wrong, true), ("skipped", answers.skipped, false),
            ])
            body += examples(answers.examples)
        }
        return "<section><h2>Ledger and answers</h2>\(body)</section>"
    }

    private func facts(_ facts: [(String, Int, Bool)]) -> Markup {
        let tiles = facts.map { name, count, mustBeZero -> Markup in
            let style: Markup = mustBeZero ? (count == 0 ? " class=\"good\"" : " class=\"bad\"") : ""
            return "<div\(style)><dt>\(name)</dt><dd>\(Quantity.count(count))</dd></div>"
        }
        return "<dl class=\"tiles small\">\(tiles)</dl>"
    }

    private func examples(_ examples: [String]) -> Markup {
        guard !examples.isEmpty else { return "" }
        let rest = examples.count - Self.examplesMax
        let items = examples.prefix(Self.examplesMax).map { "<li><code>\($0)</code></li>" as Markup }
        return "<ul>\(Array(items))</ul>\(rest > 0 ? "<p class=\"note\">and \(rest) more</p>" as Markup : "" as Markup)"
    }

    // MARK: - The generator, and under which conditions it ran

    var generator: Markup {
        let limits = record.scenario.limits
        let rows = record.agents.map { agent -> Markup in
            func mark(_ isOver: Bool) -> Markup { isOver ? " class=\"warn\"" : "" }
            let isLate = agent.slipP99Microseconds.map { $0 > UInt64(max(0, limits.slipP99Microseconds)) } ?? false
            return """
                <tr><th scope="row">\(agent.name)</th><td>\(Quantity.count(agent.sent))</td><td\(mark(agent.cpuShare > limits.cpuShare))>\(Quantity.share(agent.cpuShare))</td>\
                <td\(mark(isLate))>\(agent.slipWords)</td><td>\(agent.clockWords)</td><td>\(Quantity.count(agent.connectionsLost))</td><td>\(Quantity.count(agent.goAways))</td>\
                <td class="words">\(agent.hostWords)</td></tr>
                """
        }
        let isFastEnough =
            total.slip.percentile(99) <= UInt64(max(0, limits.slipP99Microseconds))
            && record.agents.allSatisfy {
                $0.cpuShare <= limits.cpuShare && $0.slipP99Microseconds ?? 0 <= UInt64(max(0, limits.slipP99Microseconds))
            }
        let slip = total.slip.isEmpty ? "–" : Quantity.time(microseconds: total.slip.percentile(99))
        return """
            <section><h2>Was the generator fast enough?</h2>
            <p>\(isFastEnough ? "Yes." : "No.") \(record.isShared ? "Over all agents, " as Markup : "" as Markup)99 of 100 requests left at most \(slip) after their planned time \
            (limit \(Quantity.time(microseconds: Double(limits.slipP99Microseconds)))); the sending thread may use \(Quantity.share(limits.cpuShare)) of a core.</p>
            \(rows.isEmpty ? "" : "<table><thead><tr><th scope=\"col\">Agent</th><th scope=\"col\">Sent</th><th scope=\"col\">Share of a core</th><th scope=\"col\">Slip p99</th><th scope=\"col\">Start known to</th><th scope=\"col\">Connections lost</th><th scope=\"col\">GOAWAYs</th><th scope=\"col\" class=\"words\">On</th></tr></thead><tbody>\(rows)</tbody></table>" as Markup)
            </section>
            """
    }

    var conditions: Markup {
        let (scenario, environment) = (record.scenario, record.environment)
        var load: [(String, String)] = scenario.phases.prefix(Self.eventsMax).map {
            ("phase \($0.name)", "\(Quantity.length(seconds: $0.seconds)): \($0.shape.words)")
        }
        if scenario.warmUpSeconds > 0 { load.append(("warm-up, not counted", Quantity.length(seconds: scenario.warmUpSeconds))) }
        let weights = scenario.operations.reduce(0) { $0 + $1.weight }
        load += scenario.operations.map { ($0.name, "\(Quantity.share($0.weight / max(weights, 1e-9))): \($0.operation.words)") }
        load += [
            ("affiliates", scenario.affiliates.words), ("seed", String(scenario.seed)),
            ("connections", String(scenario.connections)),
            ("at most in flight", Quantity.count(scenario.maxInFlight)),
            ("timeout", Quantity.time(microseconds: Double(scenario.timeoutMilliseconds) * 1000)),
        ]
        let machine = [
            ("target", environment.target),
            (record.isShared ? "controller's processor" : "processor", "\(environment.processor), \(environment.cores) cores"),
            ("kernel", environment.kernel),
            ("fature", environment.versionText), ("commit", environment.commit), ("started", moment),
        ]
        return """
            <section class="columns"><div><h2>The load</h2>\(list(load))</div><div><h2>Environment</h2>\(list(machine))</div></section>
            """
    }

    private func list(_ items: [(String, String)]) -> Markup {
        "<dl class=\"facts\">\(items.map { "<div><dt>\($0.0)</dt><dd>\($0.1)</dd></div>" as Markup })</dl>"
    }
}

func + (left: Markup, right: Markup) -> Markup { Markup([left, right]) }
