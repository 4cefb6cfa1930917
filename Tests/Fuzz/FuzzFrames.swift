import Core
import Frames

/// Any bytes in any pieces: the assembler hands out whole frames, and every structure is read from each.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzFrames(_ data: UnsafePointer<UInt8>?, _ size: Int) -> Int32 {
    guard size > 0, let data else { return 0 }
    let bytes = UnsafeRawBufferPointer(start: data, count: size)
    let piece = max(1, Int(bytes[0]))
    let assembler = FrameAssembler()
    var at = 1
    do throws(FrameError) {
        while at < size {
            let end = min(at + piece, size)
            try assembler.receive(UnsafeRawBufferPointer(rebasing: bytes[at..<end])) { _, fields in readAll(fields) }
            at = end
        }
    } catch { return 0 }
    // Without a header: fields alone, which the fuzzer reaches sooner.
    readAll(FieldReader(UnsafeRawBufferPointer(rebasing: bytes[1...])))
    return 0
}

private func readAll(_ fields: FieldReader) {
    // What is read and written again must be read as the same.
    check(fields, { AffiliateQuestion(from: &$0) }, { $0.write(to: $1) })
    check(fields, { NetworkQuestion(from: &$0) }, { $0.write(to: $1) })
    check(fields, { RankingQuestion(from: &$0) }, { $0.write(to: $1) })
    check(fields, { RankedAffiliate(from: &$0) }, { $0.write(to: $1) })
    check(fields, { JoinOrder(from: &$0) }, { $0.write(to: $1) })
    check(fields, { StatusOrder(from: &$0) }, { $0.write(to: $1) })
    check(fields, { MoveOrder(from: &$0) }, { $0.write(to: $1) })
    check(fields, { MoveReceipt(from: &$0) }, { $0.write(to: $1) })
    check(fields, { ShardStatistics(from: &$0) }, { $0.write(to: $1) })
    check(fields, { ShardSet(from: &$0) }, { $0.write(to: $1) })
    check(fields, { readOrder(&$0) }, writeOrder)
    check(fields, { TransactionReceipt(from: &$0) }, { $0.write(to: $1) })
    var list = fields
    precondition(TransactionOrder.list(from: &list).map { (1...TransactionOrder.countMax).contains($0.count) } ?? true)
}

/// An order that a gateway can have sent.
private func readOrder(_ fields: inout FieldReader) -> TransactionOrder? {
    guard let order = TransactionOrder(from: &fields), TransactionType(rawValue: order.type) != nil,
        Currency(order.currency) != nil
    else { return nil }
    return order
}

private func writeOrder(_ order: TransactionOrder, to out: ByteBuilder) {
    guard let type = TransactionType(rawValue: order.type), let currency = Currency(order.currency) else { return }
    let facts = ByteBuilder()
    Array(order.externalID.utf8).withUnsafeBytes { externalID in
        Array((order.metadata ?? "").utf8).withUnsafeBytes { metadata in
            facts.appendTransactionFacts(
                affiliate: order.affiliate.rawValue, type: type, amountMinor: order.amountMinor,
                winningsMinor: order.winningsMinor,
                eligibility: order.eligibility, dateMicroseconds: order.dateMicroseconds, currency: currency,
                externalID: externalID,
                metadata: order.metadata == nil ? nil : metadata)
        }
    }
    out.appendTransactionOrder(shard: order.shard, sequence: order.sequence, facts: facts.bytes)
}

private func check<T: Equatable>(_ fields: FieldReader, _ read: (inout FieldReader) -> T?, _ write: (T, ByteBuilder) -> Void) {
    var reader = fields
    guard let value = read(&reader) else { return }
    let out = ByteBuilder()
    write(value, out)
    var again = FieldReader(out.bytes)
    precondition(read(&again) == value && again.isAtEnd, "\(value) is read back as another")
}
