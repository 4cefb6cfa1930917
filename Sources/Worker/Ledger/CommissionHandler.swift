import Core
import JobQueue
import Logging
import PostgresClient
import Store
import Synchronization

/// Pays the commissions of one lane's jobs, on the lane's own thread and a connection of its own.
final class CommissionHandler: JobHandler, @unchecked Sendable {
    // @unchecked: `connection` and `plans` belong to the lane's thread; the cancel handle is shared under its lock.
    private let configuration: PostgresConfiguration
    private let owned: OwnedShards
    private let meter: PaymentMeter
    private var connection: PostgresConnection?
    private var plans: CommissionPayment.Plans?
    private let cancelHandle = Mutex<PostgresCancelHandle?>(nil)

    /// How often one batch is begun anew because plans changed or others were in the way.
    private static let attemptsMax = 4
    private static let cancelMilliseconds = 1000
    /// How its sessions have to be: whoever holds a row holds up its own transaction only. The batch goes in parts once this time is over, and the
    /// job concerned is postponed.
    static let settings: [(name: StaticString, value: StaticString)] = [("lock_timeout", "2s")]

    init(configuration: PostgresConfiguration, owned: OwnedShards, meter: PaymentMeter) {
        self.configuration = configuration
        self.owned = owned
        self.meter = meter
    }

    func handle(_ jobs: [Job], deadline: Deadline) throws -> [JobOutcome] {
        let orders = jobs.map { CommissionJob.order(of: $0) }
        let known = orders.compactMap(\.self)
        guard let fence = owned.current.fence(for: known.lazy.map(\.shard)) else {
            return orders.map { $0 == nil ? Self.malformed : .release }
        }
        let held = Set(fence.shards.map(\.shard))
        let payable = known.filter { held.contains($0.shard) }
        let receipt = payable.isEmpty ? CommissionPayment.Receipt() : try pay(payable, fence)
        let unknown = Set(receipt.unknownTransactions)
        return orders.map { order in
            guard let order else { return Self.malformed }
            guard held.contains(order.shard), !receipt.fencedShards.contains(order.shard) else { return .release }
            guard unknown.contains(order.transactionID) else { return .done }
            return .dead(Self.unknownTransaction, error: "no transaction has the number \(order.transactionID)")
        }
    }

    func cancel() {
        let handle = cancelHandle.withLock { $0 }
        // A server that does not even take the cancellation leaves the lane to be given up.
        try? handle?.cancel(timeoutMilliseconds: Self.cancelMilliseconds)
    }

    func settled() { FailPoint.paymentAfterAcknowledgement.pass() }

    private static let malformed = JobOutcome.dead(
        .malformed, error: "the id and the payload of a commission job are decimal numbers")
    private static let unknownTransaction = JobCause("unknown_transaction")

    private func pay(_ orders: [CommissionPayment.Order], _ fence: ShardFence) throws -> CommissionPayment.Receipt {
        let started = monotonicNow()
        var conflict: PostgresError?
        for _ in 0..<Self.attemptsMax {
            do {
                let connection = try usableConnection()
                let plans = try currentPlans(on: connection)
                switch try CommissionPayment.pay(orders, fence: fence, plans: plans, on: connection) {
                case .stalePlans:
                    self.plans = nil
                    conflict = nil
                case .paid(let receipt):
                    FailPoint.paymentAfterCommit.pass()
                    meter.record(receipt, nanoseconds: monotonicNow() &- started)
                    return receipt
                }
            } catch let error as PostgresError where error.isTransactionConflict {
                conflict = error
            } catch let error as StoreError {
                throw explained(error)
            } catch {
                throw PaymentFault.explained(error)
            }
        }
        throw conflict.map(PaymentFault.explained) ?? HandlerUnavailable("the plans changed \(Self.attemptsMax) times")
    }

    /// What the database should not answer is the jobs' fault only where it does not answer so about what is common to all.
    private func explained(_ error: StoreError) -> any Error {
        plans = nil
        do { _ = try currentPlans(on: usableConnection()) } catch let common {
            return HandlerUnavailable("\(common)")
        }
        return PaymentFault.explained(error)
    }

    private func usableConnection() throws -> PostgresConnection {
        if let connection, connection.isUsable { return connection }
        let fresh = try PostgresConnection(configuration)
        connection = fresh
        cancelHandle.withLock { $0 = fresh.cancelHandle }
        return fresh
    }

    private func currentPlans(on connection: PostgresConnection) throws -> CommissionPayment.Plans {
        if let plans { return plans }
        let (revision, book) = try PlanStore.load(connection)
        let loaded = CommissionPayment.Plans(revision: revision, book: book)
        plans = loaded
        return loaded
    }
}
