import CPostgreSQL

/// The rows a statement gave, or how many rows it changed. Rows and columns are numbered from 0.
package struct PostgresResult: Sendable {
    /// A libpq result, freed with its last owner.
    ///
    /// `@unchecked Sendable`: libpq promises that a result is read-only once it is handed out, so threads may share it.
    final class Storage: @unchecked Sendable {
        let raw: OpaquePointer
        init(_ raw: OpaquePointer) { self.raw = raw }
        deinit { PQclear(raw) }
        var status: ExecStatusType { PQresultStatus(raw) }
    }

    let storage: Storage
    package let rowCount: Int
    package let columnCount: Int

    init(_ storage: Storage) {
        self.storage = storage
        rowCount = Int(PQntuples(storage.raw))
        columnCount = Int(PQnfields(storage.raw))
    }

    /// Rows inserted, updated, deleted, selected or copied, as the server counted them; 0 for statements that do not count.
    package var affectedRows: Int { Int(String(cString: PQcmdTuples(storage.raw))) ?? 0 }

    /// The server's command tag, such as `INSERT 0 1` or `ROLLBACK`.
    var commandTag: String { String(cString: PQcmdStatus(storage.raw)) }

    package var names: [String] {
        (0..<Int32(columnCount)).map { index in PQfname(storage.raw, index).map { String(cString: $0) } ?? "" }
    }

    package func isNull(_ row: Int, _ column: Int) throws(PostgresError) -> Bool {
        try check(row, column)
        return PQgetisnull(storage.raw, Int32(row), Int32(column)) == 1
    }

    /// The exact integer; anything else in the field (a fraction, a null, a number past 64 bits) is an error.
    package func int(_ row: Int, _ column: Int) throws(PostgresError) -> Int64 {
        try required(try optionalInt(row, column), row, column)
    }

    package func optionalInt(_ row: Int, _ column: Int) throws(PostgresError) -> Int64? {
        guard let field = try field(row, column) else { return nil }
        guard let number = PostgresText.int64(field) else {
            throw unreadable(row, column, as: "a 64-bit integer")
        }
        return number
    }

    package func text(_ row: Int, _ column: Int) throws(PostgresError) -> String {
        try required(try optionalText(row, column), row, column)
    }

    package func optionalText(_ row: Int, _ column: Int) throws(PostgresError) -> String? {
        guard let field = try field(row, column) else { return nil }
        return String(decoding: field, as: UTF8.self)
    }

    package func bool(_ row: Int, _ column: Int) throws(PostgresError) -> Bool {
        try required(try optionalBool(row, column), row, column)
    }

    package func optionalBool(_ row: Int, _ column: Int) throws(PostgresError) -> Bool? {
        guard let field = try field(row, column) else { return nil }
        switch (field.count, field.first) {
        case (1, UInt8(ascii: "t")): return true
        case (1, UInt8(ascii: "f")): return false
        default: throw unreadable(row, column, as: "a boolean")
        }
    }

    /// A `bytea` field.
    package func bytes(_ row: Int, _ column: Int) throws(PostgresError) -> [UInt8] {
        guard let field = try field(row, column) else { throw missing(row, column) }
        guard let bytes = PostgresText.bytea(field) else { throw unreadable(row, column, as: "bytea in hex format") }
        return bytes
    }

    /// A one-dimensional array of integers.
    package func intArray(_ row: Int, _ column: Int) throws(PostgresError) -> [Int64?] {
        guard let field = try field(row, column) else { throw missing(row, column) }
        guard let elements = PostgresText.array(field) else { throw unreadable(row, column, as: "a one-dimensional array") }
        var numbers: [Int64?] = []
        for element in elements {
            guard let element else {
                numbers.append(nil)
                continue
            }
            guard let number = element.withUnsafeBytes(PostgresText.int64) else {
                throw unreadable(row, column, as: "an array of 64-bit integers")
            }
            numbers.append(number)
        }
        return numbers
    }

    /// Calls `body` with each element of a one-dimensional array of integers without nulls, in order.
    package func forEachInt(_ row: Int, _ column: Int, _ body: (Int64) -> Void) throws(PostgresError) {
        guard let field = try field(row, column) else { throw missing(row, column) }
        guard PostgresText.forEachInt64(field, body) else { throw unreadable(row, column, as: "an array of 64-bit integers") }
    }

    /// A one-dimensional array of texts.
    package func textArray(_ row: Int, _ column: Int) throws(PostgresError) -> [String?] {
        guard let field = try field(row, column) else { throw missing(row, column) }
        guard let elements = PostgresText.array(field) else { throw unreadable(row, column, as: "a one-dimensional array") }
        return elements.map { element in element.map { String(decoding: $0, as: UTF8.self) } }
    }

    /// The field as the server wrote it, nil for a null; valid while this result lives.
    private func field(_ row: Int, _ column: Int) throws(PostgresError) -> UnsafeRawBufferPointer? {
        guard try !isNull(row, column) else { return nil }
        let length = Int(PQgetlength(storage.raw, Int32(row), Int32(column)))
        return UnsafeRawBufferPointer(start: PQgetvalue(storage.raw, Int32(row), Int32(column)), count: length)
    }

    private func check(_ row: Int, _ column: Int) throws(PostgresError) {
        guard row >= 0, row < rowCount, column >= 0, column < columnCount else {
            throw PostgresError(
                .value, "row \(row), column \(column) asked of a result with \(rowCount) rows and \(columnCount) columns")
        }
    }

    private func required<Value>(_ value: Value?, _ row: Int, _ column: Int) throws(PostgresError) -> Value {
        guard let value else { throw missing(row, column) }
        return value
    }

    private func missing(_ row: Int, _ column: Int) -> PostgresError {
        PostgresError(.value, "column \(names[column]) is null in row \(row)")
    }

    private func unreadable(_ row: Int, _ column: Int, as kind: String) -> PostgresError {
        let start = PQgetvalue(storage.raw, Int32(row), Int32(column)).map { String(cString: $0).prefix(40) } ?? ""
        return PostgresError(.value, "column \(names[column]) in row \(row) is not \(kind): \"\(start)\"")
    }
}
