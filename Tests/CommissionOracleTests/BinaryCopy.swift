import Core
import PostgresClient

/// Rows of bigints for `COPY … FROM STDIN (FORMAT binary)`, sent a bounded piece at a time.
final class BinaryCopy {
    private static let pieceBytes = 1 << 20

    private let writer: PostgresCopyWriter
    private let bytes = ByteBuilder(capacity: pieceBytes + 4096)

    private init(_ writer: PostgresCopyWriter) {
        self.writer = writer
        bytes.append("PGCOPY\n" as StaticString)
        for byte in [0xFF, 0x0D, 0x0A, 0x00] as [UInt8] { bytes.append(byte) }
        // No flags, no extension.
        bytes.appendInteger(UInt64(0))
    }

    /// Copies what `body` appends into a table, and answers the number of rows.
    @discardableResult
    static func rows(into table: String, _ connection: PostgresConnection, _ body: (BinaryCopy) throws -> Void) throws -> Int {
        try connection.copyIn("COPY \(table) FROM STDIN (FORMAT binary)") { writer in
            let copy = BinaryCopy(writer)
            try body(copy)
            copy.bytes.appendInteger(UInt16.max)
            try writer.write(copy.bytes.bytes)
        }
    }

    func append(_ a: Int64, _ b: Int64, _ c: Int64, _ d: Int64) throws {
        bytes.appendInteger(UInt16(4).byteSwapped)
        append(a)
        append(b)
        append(c)
        append(d)
        guard bytes.count >= Self.pieceBytes else { return }
        try writer.write(bytes.bytes)
        bytes.removeAll(keepingCapacityMax: 2 * Self.pieceBytes)
    }

    private func append(_ value: Int64) {
        bytes.appendInteger(UInt32(8).byteSwapped)
        bytes.appendInteger(UInt64(bitPattern: value).byteSwapped)
    }
}
