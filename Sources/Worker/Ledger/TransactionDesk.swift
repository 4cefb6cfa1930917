import Core
import Frames
import Hierarchy
import Ownership
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
        let limits = WaitLimits(deadline: now &+ UInt64(header.word) &* 1000, now: now)
        for (index, order) in orders.enumerated() { accept(order, limits, reply, index) }
        intake?.pump()
    }

    private func accept(_ order: TransactionOrder, _ limits: WaitLimits, _ reply: BatchReply, _ index: Int) {
        guard Int(order.shard) < ShardID.count else { return reply.settle(index, TransactionReceipt(.malformed)) }
        let seat = seats[Int(order.shard)]
        if let host = host(seat.shard), order.sequence <= host.applied {
            return check(order, host, seat, limits, reply, index)
        }
        admit(order.sequence, seat, limits) { admission in
            switch admission {
            case .admitted(let host):
                self.check(order, host, seat, limits, reply, index)
                self.intake?.pump()
            case .overloaded: reply.settle(index, TransactionReceipt(.overloaded))
            case .expired: reply.settle(index, TransactionReceipt(.deadlineExceeded))
            case .declined(let reason): reply.settle(index, self.receipt(reason, seat))
            }
        }
    }

    /// Why a transaction was not begun.
    func receipt(_ reason: ShardDuty.Answer, _ seat: ShardSeat) -> TransactionReceipt {
        if seat.duty.shouldLookWhenAsked { steward?.lookAtMoves() }
        return switch reason {
        case .moved(let owner, let epoch):
            TransactionReceipt(.moved, transactionID: owner.rawValue, acceptedAtMicroseconds: epoch.rawValue)
        // Ours, but at another epoch or with another memory than when it came.
        case .serve, .hold, .notYet: TransactionReceipt(.notYet)
        case .loading: TransactionReceipt(.loading)
        case .notOwner: TransactionReceipt(.notOwner)
        }
    }

    private func check(
        _ order: TransactionOrder, _ host: ShardHost, _ seat: ShardSeat, _ limits: WaitLimits, _ reply: BatchReply, _ index: Int
    ) {
        guard let intake else { return reply.settle(index, TransactionReceipt(.loading)) }
        guard let type = TransactionType(rawValue: order.type), order.amountMinor > 0,
            Money(minorUnits: order.amountMinor).isStorable, order.winningsMinor >= 0,
            Money(minorUnits: order.winningsMinor).isStorable, order.winningsMinor == 0 || type == .bet,
            !order.externalID.isEmpty,
            // 0 is no date.
            order.dateMicroseconds >= 0
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
        intake.add(
            .init(
                transaction: transaction, epoch: host.epoch, generation: seat.duty.generation, limits: limits, reply: reply,
                index: index))
    }
}
