/// A table as Markdown, so that what a benchmark prints can stand in `docs/benchmarks.md` as it is.
struct MarkdownTable {
    private var lines: [[String]]

    init(_ header: [String]) { lines = [header] }

    mutating func add(_ row: [String]) { lines.append(row) }

    func print() {
        for (at, line) in lines.enumerated() {
            Swift.print("| " + line.joined(separator: " | ") + " |")
            if at == 0 { Swift.print("|" + String(repeating: " --- |", count: line.count)) }
        }
    }
}
