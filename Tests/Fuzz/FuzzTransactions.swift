import Core
import Frames
import Gateway

/// Any bytes as the body of transactions: refused, or orders that a worker reads as they were written, each within its limits.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzTransactions(_ data: UnsafePointer<UInt8>?, _ size: Int) -> Int32 {
    guard size > 0, let data else { return 0 }
    let bytes = UnsafeRawBufferPointer(start: data, count: size)
    // A copy of its own, so that a read behind its end is noticed.
    let body = UnsafeMutableRawBufferPointer.allocate(byteCount: size - 1, alignment: 1)
    defer { body.deallocate() }
    body.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[1...]))
    let form: TransactionParser.Form = bytes[0] & 1 == 0 ? .json : .lines
    let items: TransactionItems
    do throws(TransactionBodyError) {
        items = try TransactionParser.parse(UnsafeRawBufferPointer(body), as: form, currency: .brl, scratch: ByteBuilder())
    } catch { return 0 }
    precondition(!items.items.isEmpty && items.items.count <= TransactionOrder.countMax)
    precondition(items.isBatch || items.items.count == 1)
    for (index, item) in items.items.enumerated() where item.fault == nil {
        let frame = ByteBuilder()
        frame.appendInteger(UInt32(1))
        frame.appendTransactionOrder(shard: 1, sequence: 2, facts: items.facts(of: index))
        var fields = FieldReader(frame.bytes)
        guard let order = TransactionOrder.list(from: &fields)?.first else { preconditionFailure("no order in \(index)") }
        precondition(order.affiliate == item.affiliate && item.affiliate.isValid && order.currency.utf8.count == 3)
        precondition(order.amountMinor > 0 && Money(minorUnits: order.amountMinor).isStorable)
        precondition(order.winningsMinor >= 0 && Money(minorUnits: order.winningsMinor).isStorable)
        precondition(order.externalID.utf8.elementsEqual(items.externalID(of: index)))
        let characters = order.externalID.unicodeScalars
        precondition((1...TransactionParser.externalIDCharactersMax).contains(characters.count))
        precondition(characters.allSatisfy { $0.value >= 0x20 && $0.value != 0x7f })
        precondition(order.metadata.map { $0.utf8.count <= TransactionParser.metadataBytesMax && $0.hasPrefix("{") } ?? true)
    }
    return 0
}
