import PostgresClient

/// Rows in PostgreSQL's binary COPY format, gathered for the writer.
struct BinaryCopyBuffer {
    private var bytes: [UInt8] = []

    /// Microseconds from 1970-01-01 to 2000-01-01, where PostgreSQL's timestamps begin.
    private static let epochMicroseconds: Int64 = 946_684_800_000_000
    private static let flushBytes = 64 * 1024

    /// The file header. It comes before the first row.
    init() {
        bytes.append(contentsOf: "PGCOPY\n".utf8)
        bytes.append(contentsOf: [0xFF, 0x0D, 0x0A, 0x00])
        append(Int32(0))
        append(Int32(0))
    }

    mutating func startRow(fields: Int16) { append(fields) }

    mutating func field(_ value: Int64) {
        append(Int32(8))
        append(value)
    }

    mutating func field(_ value: Int64?) {
        guard let value else { return null() }
        field(value)
    }

    mutating func field(_ value: Int32) {
        append(Int32(4))
        append(value)
    }

    mutating func field(_ value: Int16) {
        append(Int32(2))
        append(value)
    }

    /// A moment that PostgreSQL has; of one that no number of it can be, the earliest, which PostgreSQL refuses.
    mutating func field(timestampMicroseconds value: Int64) {
        let (moment, isTooEarly) = value.subtractingReportingOverflow(Self.epochMicroseconds)
        // The smallest number is `-infinity`.
        field(isTooEarly ? .min + 1 : moment)
    }

    mutating func field(_ text: ArraySlice<UInt8>) {
        append(Int32(truncatingIfNeeded: text.count))
        bytes.append(contentsOf: text)
    }

    mutating func field(_ text: ArraySlice<UInt8>?) {
        guard let text else { return null() }
        field(text)
    }

    mutating func field(_ text: StaticString) {
        append(Int32(truncatingIfNeeded: text.utf8CodeUnitCount))
        text.withUTF8Buffer { bytes.append(contentsOf: $0) }
    }

    /// A field whose text `write` appends; no text is a null.
    mutating func field(_ write: (inout [UInt8]) -> Void) {
        let start = bytes.count
        append(Int32(0))
        write(&bytes)
        let length = bytes.count - start - 4
        let prefix = Int32(truncatingIfNeeded: length == 0 ? -1 : length)
        withUnsafeBytes(of: prefix.bigEndian) { source in
            for (offset, byte) in source.enumerated() { bytes[start + offset] = byte }
        }
    }

    mutating func field(_ flag: Bool) {
        append(Int32(1))
        bytes.append(flag ? 1 : 0)
    }

    mutating func field(text: String) {
        append(Int32(truncatingIfNeeded: text.utf8.count))
        bytes.append(contentsOf: text.utf8)
    }

    /// `jsonb`: a version before the text.
    mutating func field(json: String) {
        append(Int32(truncatingIfNeeded: 1 + json.utf8.count))
        bytes.append(1)
        bytes.append(contentsOf: json.utf8)
    }

    /// `numeric(_, 2)`.
    mutating func field(minorUnits: Int64) { field { PostgresNumeric.append(hundredths: minorUnits, to: &$0) } }

    /// `numeric(5, 4)`.
    mutating func field(tenThousandths: Int64) { field { PostgresNumeric.append(tenThousandths: tenThousandths, to: &$0) } }

    /// `bigint[]`.
    mutating func field(_ numbers: [Int64]) {
        append(Int32(numbers.isEmpty ? 12 : 20 + 12 * numbers.count))
        arrayHeader(count: numbers.count, elementType: 20)
        for number in numbers {
            append(Int32(8))
            append(number)
        }
    }

    /// `smallint[]`.
    mutating func field(_ numbers: [Int16]) {
        append(Int32(numbers.isEmpty ? 12 : 20 + 6 * numbers.count))
        arrayHeader(count: numbers.count, elementType: 21)
        for number in numbers {
            append(Int32(2))
            append(number)
        }
    }

    private mutating func arrayHeader(count: Int, elementType: Int32) {
        append(Int32(count == 0 ? 0 : 1))
        append(Int32(0))
        append(elementType)
        guard count > 0 else { return }
        append(Int32(truncatingIfNeeded: count))
        append(Int32(1))
    }

    mutating func null() { append(Int32(-1)) }

    /// Passes on what has gathered, if it is much.
    mutating func flushIfFull(_ writer: PostgresCopyWriter) throws(PostgresError) {
        if bytes.count >= Self.flushBytes { try flush(writer) }
    }

    /// Passes on the rest and the file's end.
    mutating func finish(_ writer: PostgresCopyWriter) throws(PostgresError) {
        append(Int16(-1))
        try flush(writer)
    }

    private mutating func flush(_ writer: PostgresCopyWriter) throws(PostgresError) {
        try writer.write(bytes)
        bytes.removeAll(keepingCapacity: true)
    }

    private mutating func append(_ value: some FixedWidthInteger) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }
}
