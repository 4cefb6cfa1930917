import Core
import Frames

/// The answer to one frame of transactions: sent once each of them has its receipt. Confined to the worker's event loop.
final class BatchReply {
    private let address: ReplyAddress
    private var receipts: [TransactionReceipt]
    private var missing: Int

    init(_ address: ReplyAddress, count: Int) {
        self.address = address
        receipts = Array(repeating: TransactionReceipt(.loading), count: count)
        missing = count
    }

    /// Gives one transaction its receipt; the last one sends the answer.
    func settle(_ index: Int, _ receipt: TransactionReceipt) {
        receipts[index] = receipt
        missing -= 1
        guard missing == 0 else { return }
        address.reply(.binary) { frame in
            for receipt in receipts { receipt.write(to: frame) }
        }
    }
}
