import Core
import Frames

@testable import Gateway

/// A body as the gateway reads it: the orders it would send, with their faults.
func parsed(
    _ body: [UInt8], as form: TransactionParser.Form = .json
) throws(TransactionBodyError) -> (isBatch: Bool, orders: [TransactionOrder?], faults: [TransactionFault?]) {
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: body.count, alignment: 1)
    defer { copy.deallocate() }
    copy.copyBytes(from: body)
    let items = try TransactionParser.parse(UnsafeRawBufferPointer(copy), as: form, currency: .brl, scratch: ByteBuilder())
    let orders = items.items.indices.map { index -> TransactionOrder? in
        guard items.items[index].fault == nil else { return nil }
        let frame = ByteBuilder()
        frame.appendInteger(UInt32(1))
        frame.appendTransactionOrder(shard: 7, sequence: 9, facts: items.facts(of: index))
        var fields = FieldReader(frame.bytes)
        return TransactionOrder.list(from: &fields)?.first
    }
    return (items.isBatch, orders, items.items.map(\.fault))
}

func parsed(
    _ body: String, as form: TransactionParser.Form = .json
) throws(TransactionBodyError) -> (isBatch: Bool, orders: [TransactionOrder?], faults: [TransactionFault?]) {
    try parsed(Array(body.utf8), as: form)
}
