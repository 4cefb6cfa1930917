/// Reads CSV (RFC 4180) from bytes that come in pieces of any size: quotes, doubled quotes, line ends within quotes, LF or CRLF, a UTF-8 byte
/// order mark, a last line without an end. Empty lines are passed over.
///
/// Never traps, whatever the bytes, and holds one record at a time. A record that cannot be read is handed over with its problem, and reading
/// goes on after the end of that record as the grammar has it: text within quotes is never taken for records, however long it is.
package struct CSVReader: Sendable {
    package struct Limits: Sendable {
        package var fieldBytesMax: Int
        package var recordBytesMax: Int
        package var fieldsMax: Int

        package init(fieldBytesMax: Int = 65_536, recordBytesMax: Int = 1_048_576, fieldsMax: Int = 256) {
            self.fieldBytesMax = max(1, fieldBytesMax)
            self.recordBytesMax = max(1, recordBytesMax)
            self.fieldsMax = max(1, fieldsMax)
        }
    }

    private enum State {
        case fieldStart
        case unquoted
        case quoted
        /// After a quote within a quoted field: the field's end, or the first half of a doubled quote.
        case quoteInQuoted
        /// After a carriage return outside quotes: a line feed has to follow.
        case carriageReturn
        /// After a problem outside quotes: everything up to the end of the line belongs to the refused record.
        case skipping
    }

    private let limits: Limits
    private var state = State.fieldStart
    private var record = CSVRecord()
    private var line = 1
    /// Bytes of a byte order mark seen so far, or nil once the first other byte is past.
    private var markBytesSeen: Int? = 0
    /// Bytes read so far, counted from the first byte of the file.
    private var offset = 0

    package init(limits: Limits = Limits()) { self.limits = limits }

    /// Goes on in the middle of a file: at `endOffset` and `endLine` of the last record that an earlier reader handed over.
    package init(limits: Limits = Limits(), offset: Int, line: Int) {
        self.limits = limits
        self.offset = offset
        self.line = max(1, line)
        record.clear(line: self.line)
        markBytesSeen = offset == 0 ? 0 : nil
    }

    private static let mark: [UInt8] = [0xEF, 0xBB, 0xBF]

    /// Reads a piece, calling `onRecord` for each record that ends in it. The record is valid during the call.
    package mutating func read<E: Error>(_ bytes: UnsafeRawBufferPointer, _ onRecord: (CSVRecord) throws(E) -> Void) throws(E) {
        for byte in bytes {
            offset &+= 1
            if let seen = markBytesSeen {
                if byte == CSVReader.mark[seen] {
                    markBytesSeen = seen == 2 ? nil : seen + 1
                    continue
                }
                markBytesSeen = nil
                for earlier in CSVReader.mark[..<seen] { try step(earlier, onRecord) }
            }
            try step(byte, onRecord)
        }
    }

    /// Tells the reader that no more bytes come.
    package mutating func finish<E: Error>(_ onRecord: (CSVRecord) throws(E) -> Void) throws(E) {
        if let seen = markBytesSeen {
            markBytesSeen = nil
            for earlier in CSVReader.mark[..<seen] { try step(earlier, onRecord) }
        }
        switch state {
        case .fieldStart where record.isBlank: return
        case .quoted: record.refuse(.quoteNotClosed)
        case .carriageReturn: record.refuse(.bareCarriageReturn)
        case .fieldStart, .unquoted, .quoteInQuoted, .skipping: break
        }
        try endRecord(onRecord)
    }

    private mutating func step<E: Error>(_ byte: UInt8, _ onRecord: (CSVRecord) throws(E) -> Void) throws(E) {
        let isLineFeed = byte == UInt8(ascii: "\n")
        if isLineFeed { line &+= 1 }
        switch state {
        case .fieldStart where byte == UInt8(ascii: "\""):
            record.hasQuotes = true
            state = .quoted
        case .fieldStart, .unquoted:
            switch byte {
            case UInt8(ascii: ","): endField()
            case UInt8(ascii: "\n"): try endRecord(onRecord)
            case UInt8(ascii: "\r"): state = .carriageReturn
            case UInt8(ascii: "\""):
                record.refuse(.quoteInUnquotedField)
                state = .skipping
            default:
                append(byte)
                if state == .fieldStart { state = .unquoted }
            }
        case .quoted:
            if byte == UInt8(ascii: "\"") { state = .quoteInQuoted } else { append(byte) }
        case .quoteInQuoted:
            switch byte {
            case UInt8(ascii: "\""):
                append(byte)
                state = .quoted
            case UInt8(ascii: ","): endField()
            case UInt8(ascii: "\n"): try endRecord(onRecord)
            case UInt8(ascii: "\r"): state = .carriageReturn
            default:
                record.refuse(.textAfterQuote)
                state = .skipping
            }
        case .carriageReturn:
            if isLineFeed {
                if record.isBlank { startRecord() } else { try endRecord(onRecord) }
            } else {
                record.refuse(.bareCarriageReturn)
                state = .skipping
            }
        case .skipping:
            if isLineFeed { try endRecord(onRecord) }
        }
    }

    private mutating func append(_ byte: UInt8) {
        guard record.problem == nil else { return }
        if record.bytes.count >= limits.recordBytesMax {
            record.refuse(.recordTooLong(bytesMax: limits.recordBytesMax))
        } else if record.bytes.count - record.fieldStart >= limits.fieldBytesMax {
            record.refuse(.fieldTooLong(bytesMax: limits.fieldBytesMax))
        } else {
            record.bytes.append(byte)
        }
    }

    private mutating func endField() {
        state = .fieldStart
        guard record.problem == nil else { return }
        if record.ends.count >= limits.fieldsMax {
            record.refuse(.tooManyFields(fieldsMax: limits.fieldsMax))
        } else {
            record.ends.append(record.bytes.count)
        }
    }

    private mutating func endRecord<E: Error>(_ onRecord: (CSVRecord) throws(E) -> Void) throws(E) {
        if record.isBlank {
            startRecord()
            return
        }
        endField()
        record.endOffset = offset
        record.endLine = line
        defer { startRecord() }
        try onRecord(record)
    }

    private mutating func startRecord() {
        state = .fieldStart
        record.clear(line: line)
    }
}

extension CSVReader {
    /// Reads all of `bytes` and says how many records there were and how many of them could not be read: the whole of the reader in one
    /// call without state, for a fuzzer.
    package static func countRecords(_ bytes: UnsafeRawBufferPointer, limits: Limits = Limits()) -> (records: Int, refused: Int) {
        var reader = CSVReader(limits: limits)
        var counts = (records: 0, refused: 0)
        func count(_ record: CSVRecord) {
            counts.records += 1
            if record.problem != nil { counts.refused += 1 }
        }
        reader.read(bytes, count)
        reader.finish(count)
        return counts
    }
}
