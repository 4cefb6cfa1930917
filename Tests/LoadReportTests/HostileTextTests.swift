import Foundation
import LoadPlan
import LoadRecord
import LoadReport
import Testing

private let attacks = [
    "</title><script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "'onmouseover='x",
    "a|b\n| c | [x](javascript:alert(1))", "]]><!--",
    "\u{1B}[2J\u{1B}]0;owned\u{07}\u{9B}2J", "\u{202E}gnp.exe", "\u{0}\u{FFFE}", "&lt;b&gt; & <b>",
    "https://example.com/x @everyone **bold** `code`",
]

/// A record whose every text is an attack.
private func hostileRecord(_ attack: String) throws -> RunRecord {
    var sample = SampleRun(seconds: 3, rate: 400, stallAt: 1)
    sample.name = attack
    sample.phases = [
        Phase(name: attack, seconds: 1, shape: .constant(rate: 400)),
        Phase(name: attack, seconds: 2, shape: .replay(file: attack, offsetsNanoseconds: [])),
    ]
    var record = try sample.record()
    record.scenario.summary = attack
    record.scenario.objectives[0].text = attack
    record.scenario.operations[0].name = attack
    record.scenario.operations[0].operation = .path(attack)
    record.operations[0].name = attack
    record.environment = RunEnvironment(
        target: attack, processor: attack, cores: 2, kernel: attack, commit: attack, versionText: attack)
    record.events[0].label = attack
    record.agents[0].name = attack
    record.invalid = [attack]
    record.aborted = attack
    record.ledger?.examples = [attack]
    record.answers?.examples = [attack]
    return record
}

/// The names of the elements of a page.
private func elements(_ text: String) -> Set<String> {
    Set(text.matches(of: /<([a-zA-Z!?][a-zA-Z0-9!?-]*)/).map { String($0.output.1).lowercased() })
}

@Test("no name in a record becomes markup of the page", arguments: attacks)
func pagesAreSafe(attack: String) throws {
    let page = HTMLReport.text(try hostileRecord(attack))
    let plain = HTMLReport.text(try hostileRecord("name"))
    #expect(elements(page) == elements(plain))
    #expect(page.matches(of: /<[a-z]/).count == plain.matches(of: /<[a-z]/).count)
    #expect(page.count { $0 == "\"" } == plain.count { $0 == "\"" })
    #expect(!page.contains("<script") && !page.contains("<img"))
    #expect(!page.unicodeScalars.contains { $0.value < 32 && $0 != "\n" || $0.value == 0x202e || $0.value == 0x9b })
}

@Test("no name breaks out of a line, a cell or a link of Markdown", arguments: attacks)
func markdownIsSafe(attack: String) throws {
    let text = MarkdownReport.text(try hostileRecord(attack))
    let plain = MarkdownReport.text(try hostileRecord("name"))
    #expect(text.count { $0 == "\n" } == plain.count { $0 == "\n" })
    #expect(text.matches(of: /[^\\]\|/).count == plain.matches(of: /[^\\]\|/).count)
    #expect(text.firstMatch(of: /[^\\]\]\(/) == nil && !text.contains("<") && !text.contains("https:"))
}

@Test("no name becomes an element or an attribute of JUnit's XML", arguments: attacks)
func xmlIsSafe(attack: String) throws {
    let text = JUnitReport.text(try hostileRecord(attack))
    let plain = JUnitReport.text(try hostileRecord("name"))
    #expect(text.matches(of: /<[a-z]/).count == plain.matches(of: /<[a-z]/).count)
    #expect(text.count { $0 == "\"" } == plain.count { $0 == "\"" })
    #expect(!text.unicodeScalars.contains { $0.value < 32 && $0 != "\n" || $0.value == 0xfffe })
}

@Test("no label moves a terminal's cursor", arguments: attacks)
func terminalIsSafe(attack: String) throws {
    let record = try hostileRecord(attack)
    var progress = LiveProgress(.lines)
    let comparison = ComparisonReport.text(try RunComparison(record, record, resamples: 1))
    for text in [TerminalReport.text(record), progress.update(record, elapsedSeconds: 2), comparison] {
        #expect(!text.unicodeScalars.contains { $0.value < 32 && $0 != "\n" || (0x7f...0x9f).contains($0.value) })
    }
}
