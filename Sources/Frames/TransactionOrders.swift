import Core

/// One transaction on its way to the worker that owns its affiliate's shard, as the worker reads it; `appendTransactionOrder` writes it.
///
/// Money is in minor units, moments in microseconds since 1970.
package struct TransactionOrder: Equatable, Sendable {
    package var shard: UInt16
    /// The change that the shard must have reached, 0 for none.
    package var sequence: ChangeSequence
    package var affiliate: AffiliateID
    package var type: UInt8
    package var amountMinor: Int64
    package var winningsMinor: Int64
    /// 0 no, 1 yes, 2 as usual for the type.
    package var eligibility: UInt8
    /// When it happened, or 0: when it is accepted.
    package var dateMicroseconds: Int64
    /// Three capital letters.
    package var currency: String
    package var externalID: String
    /// JSON, kept as it came.
    package var metadata: String?

    package init(
        shard: UInt16, sequence: ChangeSequence, affiliate: AffiliateID, type: UInt8, amountMinor: Int64, winningsMinor: Int64,
        eligibility: UInt8, dateMicroseconds: Int64, currency: String, externalID: String, metadata: String?
    ) {
        self.shard = shard
        self.sequence = sequence
        self.affiliate = affiliate
        self.type = type
        self.amountMinor = amountMinor
        self.winningsMinor = winningsMinor
        self.eligibility = eligibility
        self.dateMicroseconds = dateMicroseconds
        self.currency = currency
        self.externalID = externalID
        self.metadata = metadata
    }

    package static let eligibilityAsUsual: UInt8 = 2
    /// How many one frame carries at most.
    package static let countMax = 1000

    package init?(from reader: inout FieldReader) {
        guard let shard = reader.integer(UInt16.self), let sequence = reader.integer(Int64.self),
            let affiliate = reader.integer(Int64.self), let type = reader.integer(UInt8.self),
            let amount = reader.integer(Int64.self), let winnings = reader.integer(Int64.self),
            let eligibility = reader.integer(UInt8.self), eligibility <= Self.eligibilityAsUsual,
            let date = reader.integer(Int64.self), let currency = reader.text(), let externalID = reader.text(),
            let metadata = reader.optionalText()
        else { return nil }
        self.init(
            shard: shard, sequence: sequence, affiliate: AffiliateID(affiliate), type: type, amountMinor: amount,
            winningsMinor: winnings, eligibility: eligibility, dateMicroseconds: date, currency: currency, externalID: externalID,
            metadata: metadata)
    }

    /// A count and so many orders; nil if the bytes are anything else.
    package static func list(from reader: inout FieldReader) -> [TransactionOrder]? {
        guard let count = reader.integer(UInt32.self), count > 0, count <= countMax else { return nil }
        var orders: [TransactionOrder] = []
        orders.reserveCapacity(Int(count))
        for _ in 0..<count {
            guard let order = TransactionOrder(from: &reader) else { return nil }
            orders.append(order)
        }
        return reader.isAtEnd ? orders : nil
    }
}

/// What became of one transaction of a frame; receipts come in the order of the orders.
package struct TransactionReceipt: Equatable, Sendable {
    package enum Outcome: UInt8, Sendable, CaseIterable {
        /// Committed now. `transactionID` is its number.
        case accepted = 0
        /// Committed earlier with the same facts. `transactionID` is its number.
        case repeated = 1
        /// The external id belongs to a transaction with other facts, `transactionID`.
        case conflict = 2
        /// The worker knows no such affiliate: the directory may be behind.
        case unknownAffiliate = 3
        /// The affiliate is not active.
        case inactiveAffiliate = 4
        case wrongCurrency = 5
        case futureDate = 6
        /// Not the owner, or not ready: ask again after a look at the topology.
        case notOwner = 7
        case loading = 8
        case overloaded = 9
        /// Nothing was written.
        case databaseUnavailable = 10
        /// It is not known whether it was written; the same external id tells.
        case outcomeUnknown = 11
        case deadlineExceeded = 12
        /// A field that the gateway should not have let through.
        case malformed = 13
        /// Another worker serves the shard, as far as this one knows: `transactionID` is its instance, `acceptedAtMicroseconds` its epoch.
        case moved = 14
        /// The shard is this worker's in a moment.
        case notYet = 15
    }

    package var outcome: Outcome
    package var transactionID: Int64
    /// When it was accepted, microseconds since 1970; 0 where that means nothing.
    package var acceptedAtMicroseconds: Int64

    package init(_ outcome: Outcome, transactionID: Int64 = 0, acceptedAtMicroseconds: Int64 = 0) {
        self.outcome = outcome
        self.transactionID = transactionID
        self.acceptedAtMicroseconds = acceptedAtMicroseconds
    }

    package init?(from reader: inout FieldReader) {
        guard let outcome = reader.integer(UInt8.self).flatMap(Outcome.init(rawValue:)), let id = reader.integer(Int64.self),
            let acceptedAt = reader.integer(Int64.self)
        else { return nil }
        self.init(outcome, transactionID: id, acceptedAtMicroseconds: acceptedAt)
    }

    package func write(to frame: ByteBuilder) {
        frame.append(outcome.rawValue)
        frame.appendInteger(transactionID)
        frame.appendInteger(acceptedAtMicroseconds)
    }
}
