import Foundation
import PostgresClient
import Store

/// One import as a person sees it: progress on standard error, the rejects file, the summary.
struct ImportSession {
    let name: String
    let flags: ImportFlags
    /// Where rejects go if the flags do not say.
    let defaultRejects: String

    typealias Work = (
        _ work: AffiliateImport, _ onProgress: (ImportProgress) throws -> Void,
        _ onRejects: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> ImportSummary

    func run(on connection: PostgresConnection, _ work: Work) throws(CommandError) {
        let path = flags.rejects ?? defaultRejects
        let rejects = RejectsFile(path)
        var progress = ProgressLine()
        let start = ContinuousClock.now
        do {
            let options = try ImportOptions(rowsPerBatch: flags.batch, isStrict: flags.strict)
            let summary = try work(AffiliateImport(connection, options: options)) {
                tell($0, &progress)
            } _: {
                try rejects.write($0)
            }
            try rejects.finish()
            try tell(summary, duration: start.duration(to: .now), rejects: rejects.isOpen ? path : nil)
        } catch let error as ImportError where error.code == .strictRefused {
            // What was refused is what the person needs now.
            try rejects.finish()
            throw CommandError(.negative, "\(error.message) (\(path))")
        } catch {
            rejects.discard()
            throw .explaining(error)
        }
    }

    private func tell(_ event: ImportProgress, _ progress: inout ProgressLine) {
        switch event {
        case .started(let run, let reason):
            if let reason { Console.progress("\(name): begins anew as run \(run), since \(reason)") }
        case .continued(let run, let rows):
            Console.progress("\(name): goes on with run \(run), \(rows) rows are read already")
        case .batch(let number, let rows, let rejects, let total, let duration):
            let line =
                "\(name): batch \(number), \(rows) rows, \(rejects) rejects, \(MillisecondsText.of(duration)); \(total) rows so far"
            if flags.verbose { Console.progress(line) } else { progress.tell(line) }
        case .beginning: break
        case .statisticsFailed(let reason):
            Console.progress(
                "\(name): everything is imported, but the tables' statistics could not be renewed (\(reason)); run: VACUUM ANALYZE"
            )
        case .ended(let step, let duration):
            let line = "\(name): \(step.rawValue), \(MillisecondsText.of(duration))"
            if flags.verbose || duration >= .seconds(1) { Console.progress(line) } else { progress.tell(line) }
        }
    }

    private struct Answer: Encodable {
        let run: Int64
        let rowsRead: Int64
        let batches: Int64
        let imported: Int64
        let roots: Int64
        let alreadyPresent: Int64
        let rejected: Int64
        let rejects: [String: Int64]
        let rejectsFile: String?
        let pairs: Int64
        let levels: Int64
        let durationMilliseconds: Int64
    }

    private func tell(_ summary: ImportSummary, duration: Duration, rejects: String?) throws(CommandError) {
        if flags.json {
            return try JSONAnswer.print(
                Answer(
                    run: summary.run, rowsRead: summary.rowsRead, batches: summary.batches, imported: summary.imported,
                    roots: summary.roots,
                    alreadyPresent: summary.alreadyPresent, rejected: summary.rejected, rejects: summary.rejects,
                    rejectsFile: rejects,
                    pairs: summary.pairs, levels: summary.levels, durationMilliseconds: duration.milliseconds))
        }
        var table = TextTable(["what", "number"])
        table.add(["rows read", String(summary.rowsRead)])
        table.add(["affiliates imported", String(summary.imported)])
        table.add(["  of them roots", String(summary.roots)])
        table.add(["already present", String(summary.alreadyPresent)])
        table.add(["rejected", String(summary.rejected)])
        for (reason, count) in summary.rejects.sorted(by: { $0.key < $1.key }) { table.add(["  \(reason)", String(count)]) }
        table.add(["pairs in the index", String(summary.pairs)])
        table.add(["deepest level", String(summary.levels)])
        Console.answer(table.text)
        if let rejects { Console.progress("\(name): the rejected rows are in \(rejects)") }
        Console.progress("\(name): done in \(SecondsText.of(duration))")
    }
}

/// The rejects file, made when there is something to write.
private final class RejectsFile {
    private let path: String
    private var file: OutputFile?
    var isOpen: Bool { file != nil }

    init(_ path: String) { self.path = path }

    func write(_ bytes: UnsafeRawBufferPointer) throws {
        let file = try self.file ?? OutputFile(path)
        self.file = file
        try file.write(Array(bytes))
    }

    /// Puts the file in its place. Without rejects, an earlier run's file is left with its header alone: its rows are not this run's.
    func finish() throws(CommandError) {
        if let file { return try file.finish() }
        guard OutputFile.isOrdinary(path) else { return }
        let empty = try OutputFile(path)
        do throws(CommandError) {
            try empty.write(Array("\(AffiliateImport.rejectsHeader)\n".utf8))
            try empty.finish()
        } catch {
            empty.discard()
            throw error
        }
    }

    func discard() { file?.discard() }
}
