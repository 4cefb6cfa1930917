import Dataset
import Foundation

/// A CSV file of affiliates.
package final class AffiliateFile: AffiliateSource {
    private let path: String
    private let handle: FileHandle
    private let size: UInt64
    private let header: AffiliateHeader
    let identity: String
    let start: SourcePosition
    /// Columns that are passed over because nothing is known about them.
    package var ignoredColumns: [String] { header.ignored }

    private static let pieceBytes = 256 * 1024

    /// - Throws: `ImportError` if the file cannot be read or its first line does not name the columns.
    package init(path: String) throws {
        self.path = path
        var entry = stat()
        guard stat(path, &entry) == 0 else {
            throw ImportError(.fileUnreadable, "cannot read \(path): \(String(cString: strerror(errno)))")
        }
        // An import that was interrupted goes on in the middle, which a pipe or a terminal cannot.
        guard entry.st_mode & S_IFMT == S_IFREG else {
            throw ImportError(
                .fileUnreadable, "\(path) is not a regular file: write the rows to a file first, then import that")
        }
        do {
            handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
        } catch {
            throw ImportError(.fileUnreadable, "cannot read \(path): \(error.localizedDescription)")
        }
        size = UInt64(entry.st_size)
        let changed = "\(entry.st_mtim.tv_sec).\(entry.st_mtim.tv_nsec)"
        identity = "csv \(URL(fileURLWithPath: path).standardizedFileURL.path) \(size) bytes of \(changed)"

        var first: CSVRecord?
        _ = try AffiliateFile.read(handle, path, from: SourcePosition(place: 0, line: 1)) { record in
            first = record
            return false
        }
        guard let first else { throw ImportError(.badHeader, "\(path) is empty: its first line has to name the columns") }
        do throws(AffiliateHeaderError) { header = try AffiliateHeader(first) } catch {
            throw ImportError(.badHeader, "\(path): \(error)")
        }
        start = SourcePosition(place: Int64(first.endOffset), line: Int64(first.endLine))
    }

    func read(
        from position: SourcePosition, rowsMax: Int, _ onRow: (Result<ImportedAffiliate, Reject>, _ line: Int64) throws -> Void
    ) throws -> (position: SourcePosition, isEnd: Bool) {
        var rows = 0
        var end = position
        let isEnd = try AffiliateFile.read(handle, path, from: position) { record in
            try onRow(Result { () throws(Reject) in try ImportedAffiliate(record, header: header) }, Int64(record.line))
            end = SourcePosition(place: Int64(record.endOffset), line: Int64(record.endLine))
            rows += 1
            return rows < rowsMax
        }
        if isEnd, try handle.seekToEnd() != size {
            throw ImportError(.fileUnreadable, "\(path) changed while it was read: run the import again when it is complete")
        }
        return (end, isEnd)
    }

    private struct EnoughRead: Error {}

    /// Reads records until `onRecord` says no, or the end: true then.
    private static func read(
        _ handle: FileHandle, _ path: String, from position: SourcePosition, _ onRecord: (CSVRecord) throws -> Bool
    ) throws -> Bool {
        var reader = CSVReader(offset: Int(position.place), line: Int(position.line))
        func take(_ record: CSVRecord) throws {
            if try !onRecord(record) { throw EnoughRead() }
        }
        do {
            try handle.seek(toOffset: UInt64(position.place))
            while let piece = try handle.read(upToCount: pieceBytes), !piece.isEmpty {
                try piece.withUnsafeBytes { try reader.read($0, take) }
            }
            try reader.finish(take)
        } catch is EnoughRead {
            return false
        } catch let error as CocoaError {
            throw ImportError(.fileUnreadable, "cannot read \(path): \(error.localizedDescription)")
        }
        return true
    }
}
