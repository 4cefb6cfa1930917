import Core

/// One affiliate as it comes off the wire: numbers decoded, texts left in the receive buffer.
///
/// Not to be kept: the buffers are valid only within the call that hands out the record. Copy what is needed.
package struct AffiliateRecord: ~Copyable {
    package var shard: ShardID
    package var id: AffiliateID
    /// The sponsor's id, or 0 for a root.
    package var parent: Int64
    package var status: AffiliateStatus
    /// Microseconds since 1970-01-01 00:00:00 UTC.
    package var registrationMicroseconds: Int64
    /// All texts are UTF-8. A null has no base address; an empty text has one.
    package var externalID: UnsafeRawBufferPointer
    package var referralCode: UnsafeRawBufferPointer
    package var name: UnsafeRawBufferPointer
    package var email: UnsafeRawBufferPointer
    package var phone: UnsafeRawBufferPointer
    package var document: UnsafeRawBufferPointer
    package var category: UnsafeRawBufferPointer
}
