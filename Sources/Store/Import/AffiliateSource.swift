import Dataset

/// Where an import has come to in its source.
package struct SourcePosition: Hashable, Sendable {
    /// Bytes of a file, or the last id of a table.
    package var place: Int64
    /// The line of a file at that place, from 1.
    package var line: Int64

    package init(place: Int64, line: Int64) {
        self.place = place
        self.line = line
    }
}

/// Gives the rows of a source in batches, each from a position, so that an import can go on where it stopped.
protocol AffiliateSource {
    /// Names the source and its state: a run of another identity is never continued.
    var identity: String { get }
    var start: SourcePosition { get }

    /// Reads at most `rowsMax` rows.
    /// - Returns: the position after them and whether that is the end.
    func read(
        from position: SourcePosition, rowsMax: Int, _ onRow: (Result<ImportedAffiliate, Reject>, _ line: Int64) throws -> Void
    ) throws -> (position: SourcePosition, isEnd: Bool)
}
