/// One record of a CSV file: its fields without quotes, or why they cannot be read.
package struct CSVRecord: Sendable {
    /// Why a record cannot be read.
    package enum Problem: Hashable, Sendable {
        case quoteInUnquotedField
        case textAfterQuote
        case quoteNotClosed
        case bareCarriageReturn
        case fieldTooLong(bytesMax: Int)
        case recordTooLong(bytesMax: Int)
        case tooManyFields(fieldsMax: Int)
    }

    /// The line, from 1, on which the record begins.
    package internal(set) var line = 1
    /// Where reading goes on after this record: bytes from the begin of the file, and the line there.
    package internal(set) var endOffset = 0
    package internal(set) var endLine = 1
    /// If not nil, the fields are incomplete and must not be used.
    package internal(set) var problem: Problem?
    var bytes: [UInt8] = []
    var ends: [Int] = []
    var hasQuotes = false

    /// The number of fields.
    package var count: Int { ends.count }

    /// The bytes of a field, not necessarily valid UTF-8; empty for a field that the record does not have.
    package subscript(field: Int) -> ArraySlice<UInt8> {
        guard field >= 0, field < ends.count else { return [] }
        return bytes[(field == 0 ? 0 : ends[field - 1])..<ends[field]]
    }

    var fieldStart: Int { ends.last ?? 0 }
    var isBlank: Bool { bytes.isEmpty && ends.isEmpty && !hasQuotes && problem == nil }

    mutating func refuse(_ reason: Problem) {
        if problem == nil { problem = reason }
    }

    mutating func clear(line: Int) {
        bytes.removeAll(keepingCapacity: true)
        ends.removeAll(keepingCapacity: true)
        hasQuotes = false
        problem = nil
        self.line = line
    }
}

extension CSVRecord.Problem: CustomStringConvertible {
    package var description: String {
        switch self {
        case .quoteInUnquotedField: "a quote within a field that does not begin with one: quote the field and double the quote"
        case .textAfterQuote: "text after a field's closing quote: double a quote that belongs to the field"
        case .quoteNotClosed: "a quoted field is not closed before the end of the file"
        case .bareCarriageReturn: "a carriage return without a line feed: end lines with LF or CRLF"
        case .fieldTooLong(let bytesMax): "a field is longer than \(bytesMax) bytes"
        case .recordTooLong(let bytesMax): "the record is longer than \(bytesMax) bytes"
        case .tooManyFields(let fieldsMax): "the record has more than \(fieldsMax) fields"
        }
    }
}
