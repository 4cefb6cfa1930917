import ArgumentParser
import Foundation
import LoadRecord
import LoadReport

/// Which reports of a run are written where.
struct LoadReportOptions: ParsableArguments {
    @Option(help: ArgumentHelp("The whole record, for `compare` and `report`.", valueName: "file"))
    var json: String?

    @Option(help: ArgumentHelp("One page for people, readable offline.", valueName: "file"))
    var html: String?

    @Option(help: ArgumentHelp("For a ticket or a wiki.", valueName: "file"))
    var markdown: String?

    @Option(help: ArgumentHelp("For a build server: an objective each is a test case.", valueName: "file"))
    var junit: String?

    @Option(help: ArgumentHelp("HdrHistogram's log, a histogram for each second.", valueName: "file"))
    var hlog: String?

    var isEmpty: Bool { [json, html, markdown, junit, hlog].allSatisfy { $0 == nil } }

    /// Refuses files that cannot be written, before a load is sent for nothing.
    func check() throws(CommandError) {
        for path in [json, html, markdown, junit, hlog].compactMap(\.self) {
            let folder = (path as NSString).deletingLastPathComponent
            guard access(folder.isEmpty ? "." : folder, W_OK) == 0 else { throw CommandError.file("write", path, errno: errno) }
            var info = stat()
            if stat(path, &info) == 0, info.st_mode & S_IFMT == S_IFDIR { throw CommandError.file("write", path, errno: EISDIR) }
        }
    }

    func write(_ record: RunRecord) throws(CommandError) {
        if let json {
            let bytes: [UInt8]
            do { bytes = try RunFile.encode(record) } catch {
                throw CommandError(.fileRefused, "cannot encode \(json): \(error)")
            }
            try write(bytes, to: json)
        }
        if let html { try write(Array(HTMLReport.text(record).utf8), to: html) }
        if let markdown { try write(Array(MarkdownReport.text(record).utf8), to: markdown) }
        if let junit { try write(Array(JUnitReport.text(record).utf8), to: junit) }
        if let hlog { try write(Array(HistogramLog.text(record).utf8), to: hlog) }
    }

    private func write(_ bytes: [UInt8], to path: String) throws(CommandError) {
        guard FileManager.default.createFile(atPath: path, contents: Data(bytes)) else {
            throw CommandError.file("write", path, errno: errno)
        }
    }
}
