import ClusterSupport
import Foundation
import FoundationXML
import LoadRecord
import TestServers
import Testing

@Suite("fature loadtest run against a cluster of real processes", .serialized)
struct WholeRunTests {
    @Test("ends with 0 when all objectives held, with ledger and answers checked, and writes every form of report")
    func objectivesHeld() async throws {
        let desk = try await LoadTestDesk.open()
        let forms = ["html", "markdown", "junit", "hlog"].flatMap { ["--\($0)", desk.path("run.\($0)")] }
        let gateway = try #require(desk.cluster.pid("gateway-1"))
        let stillSeconds = 0.7
        var scenario = Scenario()
        scenario.events = [
            (
                "1s", "the gateway stands still",
                ["sh", "-c", "kill -STOP \(gateway); sleep \(stillSeconds); kill -CONT \(gateway)"]
            )
        ]
        let run = try await TestCluster.blocking { [scenario] in try desk.run(scenario, forms) }
        #expect(run.status == 0, "\(run.text)\(run.remarks)")

        let record = try desk.record()
        #expect(record.total.planned == 180 && record.total.outcomes[.ok] == 180)
        let ledger = try #require(record.ledger)
        #expect(ledger.unchecked == nil && ledger.accepted > 50, "\(ledger)")
        #expect(ledger.lost == 0 && ledger.doubled == 0 && ledger.wrong == 0 && ledger.unanswered == 0, "\(ledger)")
        let answers = try #require(record.answers)
        #expect(answers.compared > 50 && answers.wrong == 0, "\(answers)")

        // The event is marked, and lies in the longest time without an answer.
        let event = try #require(record.events.first)
        let gap = try #require(record.longestGap)
        #expect(record.events.count == 1 && event.exitStatus == 0)
        #expect(gap.seconds >= stillSeconds * 0.9, "\(gap)")
        #expect(
            gap.fromSeconds < event.atSeconds + (event.tookSeconds ?? 0) && event.atSeconds < gap.fromSeconds + gap.seconds,
            "\(gap) \(event)")

        try expectForms(of: record, in: desk, label: event.label)
        #expect(run.text.contains("All 6 objectives held") && run.text.contains(event.label))
        #expect(run.text.contains("lost 0, doubled 0, wrong 0"))
    }

    private func expectForms(of record: RunRecord, in desk: LoadTestDesk, label: String) throws {
        let html = try desk.text("run.html")
        #expect(html.hasPrefix("<!doctype html>") && html.contains("</html>"))
        #expect(html.contains("<g class=\"event\">") && html.contains("<rect class=\"gap\"") && html.contains(label))
        let markdown = try desk.text("run.markdown")
        #expect(markdown.hasPrefix("# ") && markdown.contains(label) && markdown.contains("lost==0"))
        let junit = try XMLCount(desk.text("run.junit"))
        #expect(junit.elements["testcase"] == 7 && junit.elements["failure"] == nil)
        let log = try desk.text("run.hlog").split(separator: "\n")
        #expect(log.dropFirst().first == "#[Histogram log format version 1.3]")
        let windows = log.filter { !$0.hasPrefix("#") && !$0.hasPrefix("\"") && !$0.hasPrefix("Tag=") }
        #expect(windows.count == record.windows.count)
        // Start, length, maximum, and the histogram: zlib (0x78) within HdrHistogram's own frame, in base 64.
        for line in windows { #expect(line.split(separator: ",").count == 4 && line.contains(",HISTF"), "\(line)") }
    }

    @Test("told to stop it ends its load, and what was sent until then is checked and told")
    func stopped() async throws {
        let desk = try await LoadTestDesk.open()
        var scenario = Scenario(length: "60s")
        scenario.events = [("1s", "somebody wants the end", ["sh", "-c", "kill -TERM $PPID"])]
        let run = try await TestCluster.blocking { [scenario] in try desk.run(scenario) }
        // Whatever it has seen: it has not seen the whole run.
        #expect(run.status == 1, "\(run.text)\(run.remarks)")
        #expect(run.text.contains("Ended before its time: stopped by a person"), "\(run.text)")
        let record = try desk.record()
        #expect(record.total.planned < 3600 && record.total.outcomes[.ok] == record.total.planned)
        let ledger = try #require(record.ledger)
        #expect(ledger.accepted > 0 && ledger.lost == 0 && ledger.unchecked == nil, "\(ledger)")
    }

    @Test("ends with 1 when an objective is missed, and every form of report says which")
    func objectiveMissed() async throws {
        let desk = try await LoadTestDesk.open()
        let run = try await TestCluster.blocking {
            try desk.run(
                Scenario(length: "1s"), ["--no-check", "--slo", "p50<1us", "--junit", desk.path("run.junit"), "--quiet"])
        }
        #expect(run.status == 1, "\(run.text)\(run.remarks)")
        #expect(run.text.contains("missed") && run.text.contains("p50<1us"))
        // The ledger's objectives were not checked, which is as bad as missed.
        let junit = try XMLCount(desk.text("run.junit"))
        #expect(junit.elements["testcase"] == 8 && junit.elements["failure"] == 5, "\(junit.elements)")
        #expect(try desk.record().ledger == nil)

        let endless = try await TestCluster.blocking { try desk.run(Scenario(length: "160h", rate: 1000)) }
        #expect(
            endless.status == 3 && endless.remarks.contains("can be compared with the ledger"),
            "\(endless.text)\(endless.remarks)")
    }
}

/// How often each element stands in a well-formed XML document.
final class XMLCount: NSObject, XMLParserDelegate {
    private(set) var elements: [String: Int] = [:]

    /// Throws where the document is not well-formed.
    init(_ text: String) throws {
        super.init()
        let parser = XMLParser(data: Data(text.utf8))
        parser.delegate = self
        guard parser.parse() else { throw parser.parserError ?? TestServerError("no XML") }
    }

    func parser(
        _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
        attributes: [String: String]
    ) { elements[name, default: 0] += 1 }
}
