import Core
import LoadPlan
import LoadRecord

/// A run as one HTML file that needs nothing else: no script, no request to anywhere, readable with and without colours, on a screen and on paper.
package enum HTMLReport {
    package static func text(_ record: RunRecord) -> String { RunPage(record).markup.text }
}

/// The page, from top to bottom.
struct RunPage {
    /// Of events and of examples, as many are shown.
    static let eventsMax = 40
    static let examplesMax = 20

    let record: RunRecord
    let total: OperationRecord
    let judgement: RunJudgement
    let headline: Headline
    let timeline: TimeLine

    init(_ record: RunRecord) {
        self.record = record
        total = record.total
        judgement = RunJudgement(record)
        headline = Headline(record, judgement, total: total)
        timeline = TimeLine(record)
    }

    var markup: Markup {
        """
        <!doctype html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        <meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
        <meta name="generator" content="fature loadtest">
        <title>\(record.scenario.name): \(headline.title)</title>
        <style>\(Markup(trusted: PageStyle.text))</style>
        </head>
        <body>
        <main>
        \(header)
        \(objectives)
        \(latency)
        \(overTime)
        \(operations)
        \(endings)
        \(ledger)
        \(generator)
        \(conditions)
        </main>
        <footer>Written by <b>fature loadtest</b> \(record.environment.versionText). One file, no script, no request to anywhere. Response time counts from the moment a \
        request was planned, so a server that stalls cannot hide it.</footer>
        </body>
        </html>

        """
    }

    var moment: String {
        let text = ByteBuilder()
        text.appendRFC3339(unixMicroseconds: record.startedAtMicroseconds / 1_000_000 * 1_000_000)
        return String(decoding: text.bytes, as: UTF8.self).replacing("T", with: " ").replacing("Z", with: " UTC")
    }

    // MARK: - The top

    private var header: Markup {
        let mark =
            switch headline.tone {
            case .good: "✓"
            case .bad: "✕"
            case .warning: "!"
            }
        let cautions = headline.cautions.map { "<li>\($0)</li>" as Markup }
        let summary: Markup = record.scenario.summary.isEmpty ? "" : "<p class=\"summary\">\(record.scenario.summary)</p>"
        return """
            <header>
            <p class="eyebrow">Load test · \(moment) · \(record.environment.target)</p>
            <h1>\(record.scenario.name)</h1>
            \(summary)
            <div class="verdict \(headline.tone.rawValue)"><span class="sign" aria-hidden="true">\(mark)</span><div><p class="title">\(headline.title)</p><p>\(headline.sentence)</p></div></div>
            \(cautions.isEmpty ? "" : "<ul class=\"cautions\">\(cautions)</ul>" as Markup)
            \(tiles)
            </header>
            """
    }

    private var tiles: Markup {
        func percentile(_ percent: Double) -> String {
            total.response.isEmpty ? "–" : Quantity.time(microseconds: total.response.percentile(percent))
        }
        let gapMicroseconds = record.longestGapMicroseconds
        let gap = gapMicroseconds == 0 ? "none" : Quantity.time(microseconds: gapMicroseconds)
        let gapAt = record.longestGap.map { "at \(Quantity.length(seconds: $0.fromSeconds))" } ?? "without an ok answer"
        let tiles: [(String, String, String, Bool)] = [
            (
                "Answered", Quantity.rate(record.answerRate),
                record.isClosedLoop ? "closed loop" : "of \(Quantity.rate(record.plannedRate)) planned", false
            ),
            ("Median", percentile(50), "p50 response", false),
            ("p99", percentile(99), "1 of 100 is slower", false),
            ("p99.9", percentile(99.9), "1 of 1,000 is slower", false),
            (
                "Slowest", total.response.isEmpty ? "–" : Quantity.time(microseconds: total.response.max),
                "of \(Quantity.count(Int(clamping: total.response.count)))", false
            ),
            (
                "Errors", Quantity.count(total.errors),
                total.errors == 0 ? "of \(Quantity.count(total.requests))" : Quantity.share(total.errorShare), total.errors > 0
            ),
            ("Longest gap", gap, gapAt, false),
        ]
        return
            "<dl class=\"tiles\">\(tiles.map { name, value, note, isBad in "<div\(isBad ? " class=\"bad\"" as Markup : "" as Markup)><dt>\(name)</dt><dd>\(value)</dd><dd class=\"note\">\(note)</dd></div>" as Markup })</dl>"
    }

    private var objectives: Markup {
        guard !judgement.objectives.isEmpty else { return "" }
        let rows = judgement.objectives.map { result -> Markup in
            let (style, mark) =
                result.state == .held ? ("held", "✓") : result.state == .missed ? ("missed", "✕") : ("unchecked", "?")
            return
                "<tr class=\"\(style)\"><td><span class=\"badge\"><span aria-hidden=\"true\">\(mark)</span> \(result.state.word)</span></td><th scope=\"row\"><code>\(result.objective)</code></th><td>\(result.words)</td></tr>"
        }
        return """
            <section><h2>Objectives</h2>
            \(judgement.verdict == .invalid ? "<p class=\"warn\">The run is invalid: what is held below is not shown by it.</p>" as Markup : "" as Markup)
            <table class="objectives"><thead><tr><th scope="col">State</th><th scope="col">Objective</th><th scope="col">Seen</th></tr></thead><tbody>\(rows)</tbody></table>
            </section>
            """
    }

    // MARK: - Latency

    private var latency: Markup {
        let percents: [Double] = [50, 75, 90, 95, 99, 99.9, 99.99, 99.999, 100]
        let kinds = [("response", total.response), ("service", total.service), ("slip", total.slip)]
        let rows = percents.map { percent -> Markup in
            let cells = kinds.map {
                "<td>\($0.1.isEmpty ? "–" : Quantity.time(microseconds: $0.1.percentile(percent)))</td>" as Markup
            }
            return
                "<tr><th scope=\"row\">\(percent == 100 ? "slowest" : "\(Quantity.plain(percent, places: 3))%")</th>\(cells)</tr>"
        }
        let means = kinds.map { "<td>\($0.1.isEmpty ? "–" : Quantity.time(microseconds: $0.1.mean))</td>" as Markup }
        return """
            <section><h2>How long answers took</h2>
            <p>Each step to the right is ten times rarer. <b>Response</b> counts from the planned time and is what a user waits; <b>service</b> counts from the moment of sending; \
            <b>slip</b> is what the generator added. A bar marks an objective.</p>
            <p class="legend"><span class="key response">response</span><span class="key service">service</span><span class="key slip">slip</span></p>
            \(PercentileChart(total: total, objectives: record.scenario.objectives).markup)
            \(Headline.waiting(total).map { "<p>\($0)</p>" as Markup } ?? "")
            <details><summary>The figures</summary>
            <table><thead><tr><th scope="col">Share</th><th scope="col">Response</th><th scope="col">Service</th><th scope="col">Slip</th></tr></thead><tbody>\(rows)<tr><th scope="row">mean</th>\(means)</tr></tbody></table></details>
            </section>
            """
    }

    // MARK: - Over time

    private var overTime: Markup {
        guard !timeline.columns.isEmpty else { return "" }
        let charts = TimeLineCharts(timeline: timeline, record: record)
        let per = timeline.width == 1 ? "second" : Quantity.length(seconds: Double(timeline.width))
        let shades = (1...TimeLineCharts.shades).map { "<i class=\"h\($0)\"></i>" as Markup }
        let kinds = charts.errorKinds.map { "<span class=\"key \($0.style)\">\($0.name)</span>" as Markup }
        let gap: Markup = record.longestGap == nil ? "" : "<span class=\"key gapkey\">longest time without an ok answer</span>"
        return """
            <section><h2>Over the run</h2>
            <p>A column is \(timeline.width == 1 ? "one second" : per) of planned time: an answer that came late stands where its request was planned. Point at a column for its figures.</p>
            <h3>Response times</h3>
            <p class="legend"><span class="scale">few \(shades) many requests</span><span class="key p50">p50</span><span class="key p99">p99</span>\(gap)</p>
            \(charts.heatMap)
            \(events)
            <h3>Requests a second</h3>
            <p class="legend"><span class="key answered">answered</span><span class="key planned">planned</span></p>
            \(charts.rates)
            <h3>In flight, the most at once</h3>
            \(charts.inFlight)
            <h3>Errors in each \(per)</h3>
            \(kinds.isEmpty ? "" : "<p class=\"legend\">\(kinds)</p>" as Markup)
            \(charts.errors)
            <details><summary>The figures of each \(per)</summary>\(windowTable)</details>
            </section>
            """
    }

    private var windowTable: Markup {
        let rows = timeline.columns.map { column -> Markup in
            let (window, times) = (column.window, column.window.response)
            return """
                <tr><th scope="row">\(Quantity.length(seconds: column.fromSeconds))</th><td>\(Quantity.count(window.planned))</td><td>\(Quantity.count(window.answered))</td>\
                <td>\(Quantity.time(microseconds: times.percentile(50)))</td><td>\(Quantity.time(microseconds: times.percentile(99)))</td><td>\(Quantity.time(microseconds: times.max))</td>\
                <td>\(Quantity.count(window.inFlightMax))</td><td>\(Quantity.count(window.errors))</td><td>\(Quantity.time(microseconds: window.slipMaxMicroseconds))</td></tr>
                """
        }
        return """
            <table><thead><tr><th scope="col">From</th><th scope="col">Planned</th><th scope="col">Answered</th><th scope="col">p50</th><th scope="col">p99</th><th scope="col">Slowest</th>\
            <th scope="col">In flight</th><th scope="col">Errors</th><th scope="col">Most slip</th></tr></thead><tbody>\(rows)</tbody></table>
            """
    }

    private var events: Markup {
        guard !record.events.isEmpty else { return "" }
        let items = record.events.prefix(Self.eventsMax).map { event -> Markup in
            let isBad = (event.exitStatus ?? 0) != 0
            return
                "<li><b>\(Quantity.length(seconds: event.atSeconds))</b> \(event.label) <span class=\"\(isBad ? "warn" : "note")\">\(event.ending)</span></li>"
        }
        let rest = record.events.count - Self.eventsMax
        return
            "<ol class=\"events\" aria-label=\"Events\">\(Array(items))</ol>\(rest > 0 ? "<p class=\"note\">and \(rest) more</p>" as Markup : "" as Markup)"
    }
}
