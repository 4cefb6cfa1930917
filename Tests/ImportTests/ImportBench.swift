import Dataset
import Foundation
import PostgresClient
import Store
import TestServers

/// A database with the schema, a folder for files, and one import after another into it.
final class ImportBench {
    let database: TestDatabase
    let connection: PostgresConnection
    private let folder: URL
    private(set) var rejects: [String] = []

    init() async throws {
        database = try await TestDatabase.create()
        connection = try database.connect()
        _ = try Schema.migrate(connection)
        folder = FileManager.default.temporaryDirectory.appending(component: "import-tests-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    deinit {
        do { try FileManager.default.removeItem(at: folder) } catch { print("left behind: \(folder.path): \(error)") }
    }

    static let header = "affiliate_id,parent_affiliate_id,external_id,name,status,registration_date,referral_code"

    /// Rows `id`, `id<parent`, or whole lines.
    static func csv(_ rows: [String]) -> String {
        let lines = rows.map { row -> String in
            guard !row.contains(",") else { return row }
            let parts = row.split(separator: "<")
            return "\(parts[0]),\(parts.count > 1 ? parts[1] : ""),E\(parts[0]),N\(parts[0]),active,2024-01-01,"
        }
        return ([header] + lines).joined(separator: "\n") + "\n"
    }

    func file(_ text: String, name: String = "network.csv") throws -> AffiliateFile {
        let url = folder.appending(component: name)
        try Data(text.utf8).write(to: url)
        return try AffiliateFile(path: url.path)
    }

    /// Imports rows, keeping the lines of the rejects file but the first in `rejects`.
    @discardableResult
    func load(
        _ rows: [String], batch: Int = 3, strict: Bool = false, on other: PostgresConnection? = nil,
        onProgress: (ImportProgress) throws -> Void = { _ in }
    ) throws -> ImportSummary {
        try load(file: file(Self.csv(rows)), batch: batch, strict: strict, on: other, onProgress: onProgress)
    }

    @discardableResult
    func load(
        file: AffiliateFile, batch: Int, strict: Bool = false, on other: PostgresConnection? = nil,
        onProgress: (ImportProgress) throws -> Void = { _ in }
    ) throws -> ImportSummary {
        var bytes: [UInt8] = []
        defer { rejects = String(decoding: bytes, as: UTF8.self).split(separator: "\n").dropFirst().map(String.init) }
        return try AffiliateImport(other ?? connection, options: ImportOptions(rowsPerBatch: batch, isStrict: strict))
            .run(file: file, onProgress: onProgress) { bytes.append(contentsOf: $0) }
    }

    @discardableResult
    func migrate(batch: Int = 1_000, on other: PostgresConnection? = nil) throws -> ImportSummary {
        var bytes: [UInt8] = []
        defer { rejects = String(decoding: bytes, as: UTF8.self).split(separator: "\n").dropFirst().map(String.init) }
        return try AffiliateImport(other ?? connection, options: ImportOptions(rowsPerBatch: batch))
            .run(v1: V1Source(try database.connect()), onProgress: { _ in }, onRejects: { bytes.append(contentsOf: $0) })
    }

    func int(_ sql: String) throws -> Int64 { try connection.execute(sql).int(0, 0) }

    /// First column of every row.
    func column(_ sql: String) throws -> [String] {
        let result = try connection.execute(sql)
        return try (0..<result.rowCount).map { try result.text($0, 0) }
    }

    var affiliates: Int64 { get throws { try int("SELECT count(*) FROM fature_v2.affiliates_optimized") } }

    func validation() throws -> [HierarchyCheck: HierarchyFinding] {
        let v1 = try V1Schema.exists(connection) ? database.connect() : nil
        let findings = try HierarchyValidator(connection, v1: v1).validate().findings
        return Dictionary(uniqueKeysWithValues: findings.map { ($0.check, $0) })
    }

    /// The checks that found something.
    func damage() throws -> Set<HierarchyCheck> { Set(try validation().values.filter { $0.count > 0 }.map(\.check)) }
}
