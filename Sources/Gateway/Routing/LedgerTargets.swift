import Core
import Frames

/// What is asked about an affiliate's commissions, as the query spells it.
package struct CommissionListing: Equatable, Sendable {
    package var affiliate: AffiliateID
    package var status: CommissionStatus?
    /// Microseconds since 1970: from this moment on, and before that one.
    package var from: Int64?
    package var to: Int64?
    package var limit: UInt32 = limitDefault
    package var cursor: CommissionCursor?

    package static let limitDefault: UInt32 = 50
    package static let limitMax: UInt32 = 1000

    /// Whether its totals have to be counted.
    var isFiltered: Bool { status != nil || from != nil || to != nil }

    /// Where the list goes on, as text: only for pages of the same list, be they of another length.
    package func text(of cursor: CommissionCursor) -> String {
        let fields = ByteBuilder()
        cursor.write(to: fields)
        return CursorText.write(fields, about: question)
    }

    func cursor(_ text: some Collection<UInt8>) -> CommissionCursor? {
        CursorText.read(text, about: question) { CommissionCursor(from: &$0) }
    }

    private var question: ByteBuilder {
        let bytes = ByteBuilder()
        bytes.append("commissions" as StaticString)
        bytes.appendInteger(affiliate.rawValue)
        bytes.append(status?.rawValue ?? .max)
        bytes.appendOptional(from)
        bytes.appendOptional(to)
        return bytes
    }
}

/// Where a list of commissions goes on, with the totals of the first page, which are not counted again.
package struct CommissionCursor: Equatable, Sendable {
    /// Microseconds since 1970.
    package var createdAt: Int64
    package var id: CommissionID
    package var count: Int64
    /// A decimal text.
    package var amount: String

    /// The last moment of the year 9999.
    static let createdAtMax: Int64 = 253_402_300_799_999_999
    /// Longest amount: a sum has at most 18 digits before the point.
    private static let amountBytesMax = 24

    package init(createdAt: Int64, id: CommissionID, count: Int64, amount: String) {
        self.createdAt = createdAt
        self.id = id
        self.count = count
        self.amount = amount
    }

    package init?(from reader: inout FieldReader) {
        guard let (createdAt, id) = reader.position(), let count = reader.integer(Int64.self), count >= 0,
            let amount = reader.text(), amount.utf8.count <= Self.amountBytesMax
        else { return nil }
        self.init(createdAt: createdAt, id: id, count: count, amount: amount)
    }

    package func write(to fields: ByteBuilder) {
        fields.appendPosition(createdAt, id)
        fields.appendInteger(count)
        fields.appendText(amount)
    }
}

extension FieldReader {
    /// When an entry of the ledger was made, microseconds since 1970, and which one it is.
    mutating func position() -> (createdAt: Int64, id: CommissionID)? {
        guard let createdAt = integer(Int64.self), (0...CommissionCursor.createdAtMax).contains(createdAt),
            let transaction = integer(Int64.self), transaction > 0, let ordinal = integer(UInt16.self), ordinal != 0
        else { return nil }
        return (createdAt, CommissionID(transaction: transaction, ordinal: Int16(bitPattern: ordinal)))
    }
}

extension ByteBuilder {
    func appendPosition(_ createdAt: Int64, _ id: CommissionID) {
        appendInteger(createdAt)
        appendInteger(id.transaction)
        appendInteger(UInt16(bitPattern: id.ordinal))
    }
}

extension TargetParser {
    /// `/transactions/` is behind us.
    mutating func transactionRoute() throws(TargetError) -> Route {
        let end = path.index(of: UInt8(ascii: "/")) ?? path.high
        let digits = TargetBytes(base: path.base, low: path.low, high: end)
        path.low = end
        let isPlain = path.isEmpty
        if !isPlain, !pathIs("/commissions"), !pathIs("/reverse") { throw .notFound }
        guard let number = digits.number, number > 0 else { throw .badField(.transactionID, .transactionID) }
        let id = TransactionID(number)
        if isPlain { return .transaction(id) }
        if pathIs("/reverse") { return .reverse(id) }
        var isExplaining = false
        while let (name, value) = nextParameter() {
            guard name.equals("explain") else { continue }
            guard value.equals("true") || value.equals("false") else { throw .badField(.explain, .explain) }
            isExplaining = value.equals("true")
        }
        return .transactionCommissions(id, explain: isExplaining)
    }

    /// `/commissions/` is behind us.
    mutating func commissionRoute() throws(TargetError) -> Route {
        if pathIs("status") { return .decisions }
        guard let end = path.index(of: UInt8(ascii: "/")) else { throw .notFound }
        let text = TargetBytes(base: path.base, low: path.low, high: end)
        path.low = end
        guard pathIs("/status") else { throw .notFound }
        let (transaction, ordinal) = text.split(at: UInt8(ascii: "-"))
        guard let id = Self.commissionID(transaction, ordinal) else { throw .badField(.commissionID, .commissionID) }
        return .decision(id)
    }

    private static func commissionID(_ transaction: TargetBytes, _ ordinal: TargetBytes) -> CommissionID? {
        guard let transaction = transaction.number, transaction > 0, let ordinal = ordinal.signedNumber, ordinal != 0,
            let small = Int16(exactly: ordinal)
        else { return nil }
        return CommissionID(transaction: transaction, ordinal: small)
    }

    /// The query of `Route.affiliateCommissions`.
    package static func commissionListing(
        _ target: UnsafeRawBufferPointer, of id: AffiliateID
    ) throws(TargetError) -> CommissionListing {
        var parser = TargetParser(target)
        var listing = CommissionListing(affiliate: id)
        var cursor: TargetBytes?
        while let (name, value) = parser.nextParameter() {
            if name.equals("status") {
                listing.status = CommissionStatus.allCases.first { value.equals($0.name) }
                if listing.status == nil { throw .badField(.status, .commissionStatus) }
            } else if name.equals("from") {
                guard let moment = Self.moment(value) else { throw .badField(.from, .moment) }
                listing.from = moment
            } else if name.equals("to") {
                guard let moment = Self.moment(value) else { throw .badField(.to, .moment) }
                listing.to = moment
            } else if name.equals("limit") {
                guard let limit = value.number, limit >= 1, limit <= CommissionListing.limitMax else {
                    throw .badField(.limit, .commissionLimit)
                }
                listing.limit = UInt32(limit)
            } else if name.equals("cursor") {
                cursor = value
            }
        }
        // Last: it must belong to everything else.
        if let cursor {
            listing.cursor = cursor.unescaped(bytesMax: CursorText.bytesMax).flatMap { listing.cursor($0) }
            if listing.cursor == nil { throw .badField(.cursor, .commissionCursor) }
        }
        return listing
    }

    /// Longest date and time, bytes.
    private static let momentBytesMax = 40

    private static func moment(_ value: TargetBytes) -> Int64? {
        value.unescaped(bytesMax: momentBytesMax).flatMap { Timestamp.parse($0) }
    }
}
