import Core

/// A `TransactionOrder` in two pieces: what says where it goes, and the facts behind it, which stay the same wherever it is sent. The sender
/// has the texts as bytes.
extension ByteBuilder {
    package func appendTransactionOrder(shard: UInt16, sequence: ChangeSequence, facts: UnsafeRawBufferPointer) {
        reserve(10 + facts.count)
        appendInteger(shard)
        appendInteger(sequence)
        append(facts)
    }

    /// Where in the facts the length of the external id stands, and the id behind it.
    package static let externalIDLengthOffset = 41
    package static let externalIDOffset = 45

    /// - Parameters: as in `TransactionOrder`; the texts are UTF-8.
    package func appendTransactionFacts(
        affiliate: Int64, type: TransactionType, amountMinor: Int64, winningsMinor: Int64, eligibility: UInt8,
        dateMicroseconds: Int64, currency: Currency, externalID: UnsafeRawBufferPointer, metadata: UnsafeRawBufferPointer?
    ) {
        reserve(Self.externalIDOffset + externalID.count + 5 + (metadata?.count ?? 0))
        appendInteger(affiliate)
        append(type.rawValue)
        appendInteger(amountMinor)
        appendInteger(winningsMinor)
        append(eligibility)
        appendInteger(dateMicroseconds)
        appendInteger(UInt32(3))
        append(currency)
        appendInteger(UInt32(externalID.count))
        append(externalID)
        append(metadata == nil ? 0 : 1 as UInt8)
        guard let metadata else { return }
        appendInteger(UInt32(metadata.count))
        append(metadata)
    }
}
