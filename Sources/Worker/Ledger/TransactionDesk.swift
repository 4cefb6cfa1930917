import Core
import Frames
import Hierarchy
import Store
import Telemetry

/// Checks transactions against the shards in memory and fixes their upline; what passes goes into the line.
extension WorkerLoop {
    func accept(_ header: FrameHeader, _ fields: FieldReader, from connection: GatewayConnection, now: MonotonicNanoseconds) {
        var fields = fields
        guard let orders = TransactionOrder.list(from: &fields) else {
            refuse(header, .malformedFrame, "accept", connection.out)
            return
        }
        let reply = BatchReply(ReplyAddress(connection: connection, header: header), count: orders.count)
        let deadline = now &+ UInt64(header.word) &* 1000
        for (index, order) in orders.enumerated() { accept(order, deadline, reply, index) }
        intake?.pump()
    }

    private func accept(_ order: TransactionOrder, _ deadline: MonotonicNanoseconds, _ reply: BatchReply, _ index: Int) {
        guard Int(order.shard) < ShardID.count else { return reply.settle(index, TransactionReceipt(.malformed)) }
        switch shards[Int(order.shard)] {
        case .absent: reply.settle(index, TransactionReceipt(.notOwner))
        case .loading: reply.settle(index, TransactionReceipt(.loading))
        case .serving(let host):
            guard order.sequence > host.applied else { return check(order, host, deadline, reply, index) }
            // The gateway knows of a change that this worker has not seen yet.
            let isWaiting = host.wait(for: order.sequence) {
                guard self.host(host.shard) === host else { return reply.settle(index, TransactionReceipt(.notOwner)) }
                self.check(order, host, deadline, reply, index)
                self.intake?.pump()
            }
            guard isWaiting else { return reply.settle(index, TransactionReceipt(.overloaded)) }
            writer?.catchUp(host)
        }
    }

    private func check(
        _ order: TransactionOrder, _ host: ShardHost, _ deadline: MonotonicNanoseconds, _ reply: BatchReply, _ index: Int
    ) {
        guard let intake else { return reply.settle(index, TransactionReceipt(.loading)) }
        guard let type = TransactionType(rawValue: order.type), order.amountMinor > 0,
            Money(minorUnits: order.amountMinor).isStorable, order.winningsMinor >= 0,
            Money(minorUnits: order.winningsMinor).isStorable, order.winningsMinor == 0 || type == .bet, !order.externalID.isEmpty
        else { return reply.settle(index, TransactionReceipt(.malformed)) }
        let partition = host.partition
        guard let node = partition.find(order.affiliate) else {
            return reply.settle(index, TransactionReceipt(.unknownAffiliate))
        }
        guard order.currency == currency else { return reply.settle(index, TransactionReceipt(.wrongCurrency)) }
        var refusal: IntakeRefusal?
        if partition.status(of: node) != .active { refusal = .inactiveAffiliate }
        if order.dateMicroseconds > wallClockMicroseconds() + TransactionDates.futureToleranceMicroseconds {
            refusal = .futureDate
        }
        var upline: [Int64] = []
        var inactive: [Int16] = []
        partition.upline(of: node) { ancestor, distance in
            upline.append(partition.id(of: ancestor).rawValue)
            if partition.status(of: ancestor) != .active { inactive.append(Int16(clamping: distance)) }
        }
        let transaction = NewTransaction(
            id: 0, shard: host.shard, affiliate: order.affiliate, type: type, amount: Money(minorUnits: order.amountMinor),
            winnings: Money(minorUnits: order.winningsMinor), currency: order.currency,
            dateMicroseconds: order.dateMicroseconds == 0 ? nil : order.dateMicroseconds,
            isEligible: order.eligibility == TransactionOrder.eligibilityAsUsual ? nil : order.eligibility == 1,
            externalID: order.externalID, metadata: order.metadata, upline: upline, inactiveDistances: inactive,
            refusalIfNew: refusal)
        intake.add(.init(transaction: transaction, epoch: host.epoch, deadline: deadline, reply: reply, index: index))
    }
}
