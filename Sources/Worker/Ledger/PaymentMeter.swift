import Store
import Synchronization

/// What this worker has paid since it started, for its metrics. From any thread.
final class PaymentMeter: Sendable {
    struct Figures: Sendable {
        var batches: UInt64 = 0
        var transactions: UInt64 = 0
        var entries: UInt64 = 0
        /// Time of all batches together, from the first statement to the commit. Nanoseconds.
        var nanoseconds: UInt64 = 0
    }

    private let state = Mutex(Figures())

    var figures: Figures { state.withLock { $0 } }

    func record(_ receipt: CommissionPayment.Receipt, nanoseconds: UInt64) {
        state.withLock { figures in
            figures.batches += 1
            figures.transactions += UInt64(receipt.transactionsCount)
            figures.entries += UInt64(receipt.entriesCount)
            figures.nanoseconds += nanoseconds
        }
    }
}
