import Core
import Frames

/// The transactions of one request as they were read: their facts as the bytes that go into a worker's frame, one after the other.
package final class TransactionItems {
    package struct Item: Sendable {
        package var affiliate: AffiliateID
        /// Where in `facts` its facts are; none if it is refused.
        var start: Int32
        var count: Int32
        /// Why it goes no further.
        package var fault: TransactionFault?
    }

    let facts: ByteBuilder
    package internal(set) var items: [Item] = []
    /// Whether the request holds a list of transactions, be it of one, and is answered with a list.
    package internal(set) var isBatch = false

    /// - Parameter bodyBytes: how long the request's body is: the facts are rarely longer.
    package init(bodyBytes: Int) { facts = ByteBuilder(capacity: bodyBytes + 64) }

    /// The facts of an item, as `ByteBuilder.appendTransactionOrder` takes them.
    package func facts(of index: Int) -> UnsafeRawBufferPointer {
        let item = items[index]
        return UnsafeRawBufferPointer(rebasing: facts.bytes[Int(item.start)..<Int(item.start + item.count)])
    }

    /// UTF-8 of an item's external id; empty if the item is refused.
    package func externalID(of index: Int) -> UnsafeRawBufferPointer {
        let facts = facts(of: index)
        guard facts.count > ByteBuilder.externalIDOffset else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        let length = facts.loadUnaligned(fromByteOffset: ByteBuilder.externalIDLengthOffset, as: UInt32.self).littleEndian
        let start = ByteBuilder.externalIDOffset
        return UnsafeRawBufferPointer(rebasing: facts[start..<(start + Int(length))])
    }

    /// Bytes of memory it holds on to.
    package var memoryBytes: Int { facts.capacity + items.capacity * MemoryLayout<Item>.stride }
}
