import Core
import Dataset
import PostgresClient

/// Reads a source into the staging table, batch by batch, each with the note how far it came in one transaction.
struct AffiliateStaging {
    let connection: PostgresConnection
    let options: ImportOptions

    private static let copy = """
        COPY fature_v2.import_staging (line, affiliate_id, parent_affiliate_id, registration_date, status, category, external_id,
            referral_code, name, email, phone, document) FROM STDIN (FORMAT binary)
        """

    func read(_ source: some AffiliateSource, into run: inout ImportRun, _ onProgress: (ImportProgress) throws -> Void) throws {
        while !run.isRead {
            let start = ContinuousClock.now
            var rejects: [Reject] = []
            var next = run
            next.batches += 1
            try connection.transaction {
                var end = (position: run.position, isEnd: true)
                var rows = 0
                let staged = try connection.copyIn(Self.copy) { writer in
                    var buffer = BinaryCopyBuffer()
                    end = try source.read(from: run.position, rowsMax: options.rowsPerBatch) { row, line in
                        rows += 1
                        switch row {
                        case .success(let affiliate): try append(affiliate, line: line, to: &buffer, writer)
                        case .failure(let reject): rejects.append(reject)
                        }
                    }
                    try buffer.finish(writer)
                }
                try ImportRuns.add(rejects, run, connection)
                next.position = end.position
                next.isRead = end.isEnd
                next.rowsRead += Int64(rows)
                next.rowsStaged += Int64(staged)
                try ImportRuns.save(next, connection)
            }
            let rows = Int(next.rowsRead - run.rowsRead)
            run = next
            try onProgress(
                .batch(
                    number: run.batches, rows: rows, rejects: rejects.count, rowsTotal: run.rowsRead,
                    duration: start.duration(to: .now)))
            if !rejects.isEmpty { _ = try ImportRuns.rejects(run, connection) }
        }
    }

    private func append(
        _ affiliate: ImportedAffiliate, line: Int64, to buffer: inout BinaryCopyBuffer, _ writer: PostgresCopyWriter
    ) throws(PostgresError) {
        buffer.startRow(fields: 12)
        buffer.field(line)
        buffer.field(affiliate.id.rawValue)
        buffer.field(affiliate.parent?.rawValue)
        buffer.field(timestampMicroseconds: affiliate.registrationMicroseconds)
        buffer.field(affiliate.status.name)
        buffer.field(affiliate.category)
        buffer.field(affiliate.externalID)
        buffer.field(affiliate.referralCode)
        buffer.field(affiliate.name)
        buffer.field(affiliate.email)
        buffer.field(affiliate.phone)
        buffer.field(affiliate.document)
        try buffer.flushIfFull(writer)
    }
}
