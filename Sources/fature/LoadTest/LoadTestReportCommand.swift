import ArgumentParser
import Foundation
import LoadRecord
import LoadReport

/// `fature loadtest report`.
struct LoadTestReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Make reports of a run from its JSON.",
        discussion: """
            Example: fature loadtest report run.json --html run.html

            Exit status: 0 made, 66 the file is no record of a run, 73 a report cannot be written.
            """)

    @Argument(help: ArgumentHelp("What `run --json` wrote.", valueName: "file"))
    var file: String

    @OptionGroup var reports: LoadReportOptions

    func run() throws {
        try reports.check()
        let record = try RunFile.read(path: file)
        if reports.isEmpty { return Console.answer(TerminalReport.text(record, isColored: Console.isColored)) }
        try reports.write(record)
    }
}

/// `fature loadtest compare`.
struct LoadTestCompareCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "compare",
        abstract: "Compare two runs of one scenario.",
        discussion: """
            Ratios of percentiles and rates with their 95% confidence intervals; what lies within chance is no difference.

            Example: fature loadtest compare before.json after.json

            Exit status: 0 the second is not worse, 1 it is, 2 one of them is invalid, 3 they are of different loads, 64 bad flag, \
            66 a file is no record of a run.
            """)

    @Argument(help: ArgumentHelp("What `run --json` wrote: the run to compare with.", valueName: "before"))
    var before: String

    @Argument(help: ArgumentHelp("The run that is judged.", valueName: "after"))
    var after: String

    @Flag(help: "Compare runs of different scenarios all the same.")
    var force = false

    @Flag(help: "Print JSON.")
    var json = false

    func run() throws {
        let (first, second) = (try RunFile.read(path: before), try RunFile.read(path: after))
        let comparison: RunComparison
        do {
            comparison = try RunComparison(first, second, isForced: force)
        } catch let refusal as RunComparison.Refusal {
            throw CommandError(.setUp, refusal.description)
        }
        if json {
            try JSONAnswer.print(comparison)
        } else {
            Console.answer(ComparisonReport.text(comparison, isColored: Console.isColored))
        }
        guard let status = ExitStatus(rawValue: Int32(comparison.exitStatus)), status != .success else { return }
        throw CommandError.alreadyExplained(status)
    }
}

extension RunFile {
    /// The largest file that is read, in bytes.
    private static let bytesMax = 1 << 30

    static func read(path: String) throws(CommandError) -> RunRecord {
        guard let file = FileHandle(forReadingAtPath: path) else { throw CommandError.file("read", path, errno: errno) }
        do {
            let data = try file.read(upToCount: bytesMax + 1) ?? Data()
            guard data.count <= bytesMax else {
                throw CommandError(.inputRefused, "\(path) is larger than \(bytesMax) bytes; a record of a run is not")
            }
            return try decode(Array(data))
        } catch {
            throw error as? CommandError ?? CommandError(.inputRefused, "\(path): \(error)")
        }
    }
}
