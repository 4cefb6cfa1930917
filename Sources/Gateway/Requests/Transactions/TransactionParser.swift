import Core
import Frames
import HTTP2

/// Why a body holds no transactions that could be looked at one by one.
package enum TransactionBodyError: Error, Equatable, Sendable {
    case malformed(String)
    /// More than `TransactionOrder.countMax`.
    case tooMany
}

/// Reads transactions from a body in one pass: one JSON object, an array of objects, or one object a line.
///
/// A body that is not such JSON is refused whole. A field that is wrong refuses its own transaction only. Members that no transaction has
/// are passed over; null is the same as absence.
package struct TransactionParser {
    package enum Form: Sendable {
        /// An object or an array; several objects are taken for lines.
        case json
        /// One object a line (`application/x-ndjson`).
        case lines
    }

    /// How long an external id may be. Unicode scalars.
    package static let externalIDCharactersMax = 128
    /// Longest metadata, bytes of JSON.
    package static let metadataBytesMax = 4096
    /// A number in metadata: PostgreSQL's numeric takes and writes more, at a length that has no place in an answer.
    static let metadataNumberBytesMax = 64
    static let metadataExponentMax = 308

    var reader: JSONReader
    let items: TransactionItems
    let currency: Currency
    let scratch: ByteBuilder

    /// - Parameters:
    ///   - currency: of a transaction that names none.
    ///   - scratch: for texts with escapes; overwritten.
    package static func parse(
        _ body: UnsafeRawBufferPointer, as form: Form, currency: Currency, scratch: ByteBuilder
    ) throws(TransactionBodyError) -> TransactionItems {
        var parser = TransactionParser(
            reader: JSONReader(body), items: TransactionItems(bodyBytes: body.count), currency: currency, scratch: scratch)
        do throws(JSONError) {
            try parser.read(form, body)
        } catch {
            let place = parser.items.isBatch ? "transaction \(parser.items.items.count): " : ""
            throw parser.bodyError ?? .malformed(place + error.description)
        }
        if let error = parser.bodyError { throw error }
        return parser.items
    }

    private var bodyError: TransactionBodyError?

    private init(reader: JSONReader, items: TransactionItems, currency: Currency, scratch: ByteBuilder) {
        self.reader = reader
        self.items = items
        self.currency = currency
        self.scratch = scratch
    }

    private mutating func read(_ form: Form, _ body: UnsafeRawBufferPointer) throws(JSONError) {
        guard !reader.isAtEnd() else {
            bodyError = .malformed("the body is empty")
            return
        }
        switch form {
        case .lines: try readLines(body)
        case .json:
            switch try reader.nextKind() {
            case .object:
                guard try readOne() else { return }
                if !reader.isAtEnd() { try readLines(body) }
            case .array: try readArray()
            default: bodyError = .malformed("the body must be a JSON object, an array of objects, or one object a line")
            }
        }
    }

    private mutating func readArray() throws(JSONError) {
        items.isBatch = true
        try reader.beginArray()
        while try reader.hasNextElement() { guard try readOne() else { return } }
        if !reader.isAtEnd() { throw JSONError(.unexpectedByte, at: reader.offset) }
        if items.items.isEmpty { bodyError = .malformed("the list holds no transaction") }
    }

    private mutating func readLines(_ body: UnsafeRawBufferPointer) throws(JSONError) {
        items.isBatch = true
        var end = items.items.isEmpty ? nil : lastEnd
        while !reader.isAtEnd() {
            if let end, !body[end..<reader.offset].contains(UInt8(ascii: "\n")) {
                bodyError = .malformed("transaction \(items.items.count) must begin on a line of its own")
                return
            }
            guard try readOne() else { return }
            end = lastEnd
        }
    }

    /// Where the last transaction ended.
    private var lastEnd = 0

    /// Reads one transaction; false if the whole body is refused for it.
    private mutating func readOne() throws(JSONError) -> Bool {
        guard items.items.count < TransactionOrder.countMax else {
            bodyError = .tooMany
            return false
        }
        guard try reader.nextKind() == .object else {
            bodyError = .malformed("transaction \(items.items.count) is not a JSON object")
            return false
        }
        var fields = TransactionFields()
        try reader.beginObject()
        while let name = try reader.nextName() { try readMember(name, into: &fields) }
        lastEnd = reader.offset
        keep(fields)
        return true
    }

    /// Puts a transaction that has been read to its end among the others.
    private func keep(_ fields: TransactionFields) {
        var item = TransactionItems.Item(
            affiliate: AffiliateID(fields.affiliate ?? 0), start: Int32(items.facts.count), count: 0, fault: fields.firstFault)
        if item.fault == nil, let affiliate = fields.affiliate, let type = fields.type, let amount = fields.amount,
            let externalID = fields.externalID
        {
            items.facts.appendTransactionFacts(
                affiliate: affiliate, type: type, amountMinor: amount.minorUnits, winningsMinor: fields.winnings.minorUnits,
                eligibility: fields.eligibility, dateMicroseconds: fields.dateMicroseconds,
                currency: fields.currency ?? currency, externalID: reader.text(of: externalID, scratch: scratch),
                metadata: fields.metadata)
            item.count = Int32(items.facts.count) - item.start
        }
        items.items.append(item)
    }
}
