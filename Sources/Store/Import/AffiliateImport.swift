import PostgresClient

/// Brings affiliates in bulk into `fature_v2`: reads them in batches into a staging table, then publishes all of them in one transaction.
///
/// An import that ends early, in whatever way, is continued by the next one of the same source: batches that are staged are not read again.
package struct AffiliateImport {
    private let connection: PostgresConnection
    private let options: ImportOptions

    /// The first line of a rejects file.
    package static let rejectsHeader = "line_or_id,affiliate_id,reason,detail"

    /// - Parameter connection: to the database of `fature_v2`; used by nothing else meanwhile.
    package init(_ connection: PostgresConnection, options: ImportOptions) {
        self.connection = connection
        self.options = options
    }

    /// Imports a CSV file.
    ///
    /// - Parameters:
    ///   - onProgress: called after each batch and around each step. A throw ends the import, which can be continued.
    ///   - onRejects: called with the bytes of the rejects file, in pieces, if there are rejects.
    package func run(
        file: AffiliateFile, onProgress: (ImportProgress) throws -> Void, onRejects: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> ImportSummary {
        try run(source: file, onProgress, onRejects)
    }

    /// Imports V1's `public.affiliates`.
    package func run(
        v1: V1Source, onProgress: (ImportProgress) throws -> Void, onRejects: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> ImportSummary {
        try run(source: v1, onProgress, onRejects)
    }

    private func run(
        source: some AffiliateSource, _ onProgress: (ImportProgress) throws -> Void,
        _ onRejects: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> ImportSummary {
        try Schema.requireCurrent(connection)
        try ImportRuns.lock(connection)
        let result = Result { try runLocked(source, onProgress, onRejects) }
        if connection.isUsable { try ImportRuns.unlock(connection) }
        return try result.get()
    }

    private func runLocked(
        _ source: some AffiliateSource, _ onProgress: (ImportProgress) throws -> Void,
        _ onRejects: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> ImportSummary {
        var (run, notContinued, isNew) = try ImportRuns.begin(source, connection)
        try onProgress(isNew ? .started(run: run.id, notContinued: notContinued) : .continued(run: run.id, rows: run.rowsRead))
        do {
            try AffiliateStaging(connection: connection, options: options).read(source, into: &run, onProgress)
            return try withoutActuallyEscaping(onProgress) { onProgress in
                try withoutActuallyEscaping(onRejects) { onRejects in
                    try ImportPublication(
                        connection: connection, run: run, options: options, onProgress: onProgress, onRejects: onRejects
                    ).publish()
                }
            }
        } catch let error as ImportError where error.code == .strictRefused || error.code == .tooManyRejects {
            // To continue would refuse it again: the next run reads the source anew.
            try connection.transaction { try ImportRuns.end(run, state: "refused", published: nil, connection) }
            throw error
        } catch let error as PostgresError where error.sqlState == "55P03" {
            throw ImportError(
                .busy,
                "a table of the hierarchy stayed locked by somebody else: end long transactions on it and start the import again, "
                    + "which goes on where it stopped (\(error.message))")
        }
    }
}
