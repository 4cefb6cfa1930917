import Dataset
import Foundation
import PostgresClient
import Testing

@testable import Store

@Suite("Interrupted imports")
struct InterruptedImportTests {
    private static let rows = (1...40).map { $0 % 4 == 1 ? "\($0)" : "\($0)<\($0 - 1)" } + ["41<99", "42,,,N,active,2024-01-01,"]

    /// Ends the session of `victim` from another one, as a killed process or server would.
    private func terminate(_ victim: PostgresConnection, _ bench: ImportBench) throws {
        _ = try bench.connection.execute("SELECT pg_terminate_backend($1::integer, 10000)", [.int(Int64(victim.serverPID))])
    }

    private func check(_ bench: ImportBench, _ summary: ImportSummary) throws {
        #expect(summary.rowsRead == 42)
        #expect(bench.rejects.count == 2)
        #expect(try bench.affiliates == 40)
        #expect(try bench.damage() == [])
        #expect(try bench.int("SELECT count(*) FROM fature_v2.import_staging") == 0)
    }

    @Test(
        "the connection lost before any step leaves nothing half-done, and the next run completes", arguments: ImportStep.allCases
    )
    func atEveryStep(step: ImportStep) async throws {
        let bench = try await ImportBench()
        let victim = try bench.database.connect()
        let file = try bench.file(ImportBench.csv(Self.rows))
        var batches = 0
        var statisticsFailed = false
        do {
            let summary = try bench.load(file: file, batch: 10, on: victim) { event in
                if case .beginning(step) = event { try terminate(victim, bench) }
                if case .batch = event { batches += 1 }
                if case .statisticsFailed = event { statisticsFailed = true }
            }
            // What is committed stands, with its summary and its rejects.
            #expect(step == .statistics)
            #expect(summary.imported == 40)
            #expect(bench.rejects.count == 2)
        } catch {
            #expect(step != .statistics)
        }
        #expect(statisticsFailed == (step == .statistics))
        #expect(batches == 5)
        // After the commit everything is there; before it, nothing.
        #expect(try bench.affiliates == (step == .statistics ? 40 : 0))
        var continued = false
        let summary = try bench.load(file: file, batch: 10) { event in
            if case .continued = event { continued = true }
        }
        #expect(continued == (step != .statistics))
        #expect(summary.imported == (step == .statistics ? 0 : 40))
        try check(bench, summary)
    }

    @Test("the connection lost while reading: the next run goes on after the batches that are noted", arguments: [1, 2, 4])
    func whileReading(batch: Int64) async throws {
        let bench = try await ImportBench()
        let victim = try bench.database.connect()
        let file = try bench.file(ImportBench.csv(Self.rows))
        #expect(throws: (any Error).self) {
            try bench.load(file: file, batch: 10, on: victim) { event in
                if case .batch(batch, _, _, _, _) = event { try terminate(victim, bench) }
            }
        }
        #expect(try bench.affiliates == 0)
        var rowsBefore: Int64?
        let summary = try bench.load(file: file, batch: 10) { event in
            if case .continued(_, let rows) = event { rowsBefore = rows }
        }
        #expect(rowsBefore == batch * 10)
        #expect(summary.imported == 40)
        try check(bench, summary)
    }

    @Test("another file is not taken for the rest of an interrupted one")
    func anotherFile() async throws {
        let bench = try await ImportBench()
        let victim = try bench.database.connect()
        let file = try bench.file(ImportBench.csv(Self.rows))
        #expect(throws: (any Error).self) {
            try bench.load(file: file, batch: 10, on: victim) { event in
                if case .batch(1, _, _, _, _) = event { try terminate(victim, bench) }
            }
        }
        var reason: String?
        let summary = try bench.load(file: bench.file(ImportBench.csv(["100", "101<100"]), name: "other.csv"), batch: 10) {
            event in
            if case .started(_, let why) = event { reason = why }
        }
        #expect(reason?.contains("another source") == true)
        #expect(summary.imported == 2)
        #expect(try bench.column("SELECT state FROM fature_v2.import_run ORDER BY run_id") == ["abandoned", "published"])
    }

    @Test("staged rows that a crash of the server took away are read again")
    func lostStaging() async throws {
        let bench = try await ImportBench()
        let victim = try bench.database.connect()
        let file = try bench.file(ImportBench.csv(Self.rows))
        #expect(throws: (any Error).self) {
            try bench.load(file: file, batch: 10, on: victim) { event in
                if case .batch(3, _, _, _, _) = event { try terminate(victim, bench) }
            }
        }
        // What recovery does to an unlogged table.
        _ = try bench.connection.execute("TRUNCATE fature_v2.import_staging")
        let summary = try bench.load(file: file, batch: 10) { event in
            if case .continued = event { Issue.record("went on without its rows") }
        }
        #expect(summary.imported == 40)
        try check(bench, summary)
    }

    @Test("a hierarchy that somebody else keeps locked is told as such, and nothing is lost")
    func locked() async throws {
        let bench = try await ImportBench()
        let other = try bench.database.connect()
        let file = try bench.file(ImportBench.csv(Self.rows))
        #expect {
            try other.transaction {
                _ = try other.execute("SELECT id FROM fature_v2.shard ORDER BY id FOR UPDATE")
                try bench.load(file: file, batch: 10)
            }
        } throws: { ($0 as? ImportError)?.code == .busy }
        let summary = try bench.load(file: file, batch: 10)
        #expect(summary.imported == 40)
        try check(bench, summary)
    }

    @Test("two imports at once: the second is told to wait")
    func twoAtOnce() async throws {
        let bench = try await ImportBench()
        let other = try bench.database.connect()
        let file = try bench.file(ImportBench.csv(Self.rows))
        var code: ImportError.Code?
        try bench.load(file: file, batch: 10) { event in
            guard case .batch(1, _, _, _, _) = event else { return }
            do { try ImportBench.importAlone(other, bench) } catch let error as ImportError { code = error.code }
        }
        #expect(code == .busy)
        #expect(try bench.affiliates == 40)
    }
}

extension ImportBench {
    /// An import of one row, for its refusal.
    static func importAlone(_ connection: PostgresConnection, _ bench: ImportBench) throws {
        let file = try bench.file(csv(["500"]), name: "alone.csv")
        _ = try AffiliateImport(connection, options: ImportOptions()).run(file: file, onProgress: { _ in }, onRejects: { _ in })
    }
}
