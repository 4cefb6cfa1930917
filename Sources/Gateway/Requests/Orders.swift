import Core
import Frames
import HTTP2
import Telemetry

/// Changes: read from bodies, sent to the owner of the shard, answered once they are committed and can be seen by everyone.
extension GatewayLoop {
    func orderJoin(_ index: Int) {
        withOrder(index) { body, origin throws(BodyError) in
            .join(try ChangeBodies.join(body, origin: origin, nowMicroseconds: wallClockMicroseconds()))
        } then: { order in
            guard case .join(let join) = order else { return }
            if let parent = join.parent {
                locate(index, parent)
            } else if let shard = directory.lightestShard(among: { link(for: $0) != nil }) {
                requests[index].shard = shard
                send(index)
            } else {
                respond(index, .shardUnavailable)
            }
        }
    }

    func orderStatus(_ index: Int, of id: AffiliateID) {
        withOrder(index) { body, origin throws(BodyError) in
            let status = try ChangeBodies.statusChange(body)
            return .setStatus(StatusOrder(origin: origin, about: AffiliateQuestion(sequence: 0, affiliate: id), status: status))
        } then: { _ in
            locate(index, id)
        }
    }

    func orderMove(_ index: Int, of id: AffiliateID) {
        withOrder(index) { body, origin throws(BodyError) in
            let (newParent, reason) = try ChangeBodies.move(body)
            return .move(
                MoveOrder(
                    origin: origin, about: AffiliateQuestion(sequence: 0, affiliate: id), newParent: newParent, reason: reason))
        } then: { _ in
            locate(index, id)
        }
    }

    private func withOrder(
        _ index: Int, _ read: (UnsafeRawBufferPointer, ChangeOrigin) throws(BodyError) -> Order, then: (Order) -> Void
    ) {
        let requestID = String(decoding: slab.requestID(of: index), as: UTF8.self)
        do {
            let order = try read(slab[index].body.bytes, ChangeOrigin(actor: "api", requestID: requestID))
            requests[index].hasSideTable = true
            requests[index].changesSomething = true
            orders[slab.token(of: index)] = order
            then(order)
        } catch {
            if slab[index].body.count > ChangeBodies.bytesMax {
                respond(index, .bodyTooLarge, detail: error.detail)
            } else {
                respond(index, error.field == nil ? .malformedBody : .badField, field: error.field, detail: error.detail)
            }
        }
    }

    /// Sends the change of a request to `link`; false if it is too large for a frame.
    func sendOrder(_ index: Int, to link: WorkerLink) -> Bool {
        let shard = requests[index].shard.rawValue
        let sequence = requests[index].sequence
        switch orders[slab.token(of: index)] {
        case .join(var order):
            order.sequence = sequence
            return ask(link, .join, shard: shard, slot: index) { order.write(to: $0) }
        case .setStatus(var order):
            order.about.sequence = sequence
            return ask(link, .setStatus, shard: shard, slot: index) { order.write(to: $0) }
        case .move(var order):
            order.about.sequence = sequence
            return ask(link, .move, shard: shard, slot: index) { order.write(to: $0) }
        case .moved(_, let receipt):
            let question = AffiliateQuestion(sequence: receipt.targetSequence, affiliate: AffiliateID(0))
            return ask(link, .catchUp, shard: shard, slot: index) { question.write(to: $0) }
        case nil: return false
        }
    }

    /// A binary reply: the next step of a move.
    func receiveBinary(_ index: Int, _ fields: FieldReader, from link: WorkerLink) {
        let token = slab.token(of: index)
        switch requests[index].route {
        case .move?:
            switch orders[token] {
            case .move(let order):
                var fields = fields
                guard let receipt = MoveReceipt(from: &fields), Int(receipt.targetShard) < ShardID.count else {
                    respond(index, .internalError)
                    return
                }
                settle(index)
                orders[token] = .moved(order, receipt)
                let target = ShardID(rawValue: receipt.targetShard)
                if target == requests[index].shard {
                    respondMoved(index, order, receipt)
                } else {
                    letTargetCatchUp(index, order, receipt, target)
                }
            case .moved(let order, let receipt): respondMoved(index, order, receipt)
            default: respond(index, .internalError)
            }
        default: respond(index, .internalError)
        }
    }

    /// The move is committed; its target's owner must have seen it before the caller hears of it, so that no later read is behind.
    private func letTargetCatchUp(_ index: Int, _ order: MoveOrder, _ receipt: MoveReceipt, _ target: ShardID) {
        requests[index].shard = target
        requests[index].attempts = 0
        _ = directory.learn(order.about.affiliate, target)
        guard let link = link(for: target), link.canTakeMore else {
            if isAwaited(target), confirmMoveLater(index) { return }
            // Without an owner nobody reads from the target either; the next owner loads the committed state.
            return respondMoved(index, order, receipt)
        }
        requests[index].epoch = routes[target].epoch
        guard sendOrder(index, to: link) else { return respondMoved(index, order, receipt) }
        requests[index].link = link
    }

    /// How long to wait before a target is asked again that is being loaded. Milliseconds.
    private static let confirmationDelayMilliseconds: Int64 = 20

    /// Has the target of a committed move confirm it a little later: its owner loads it, perhaps as it was before the move. False if the
    /// request is no such move.
    func confirmMoveLater(_ index: Int) -> Bool {
        let token = slab.token(of: index)
        guard requests[index].hasSideTable, case .moved? = orders[token] else { return false }
        settle(index)
        eventLoop.scheduleTask(in: .milliseconds(Self.confirmationDelayMilliseconds)) {
            guard let index = self.slab.slot(for: token), case .moved(let order, let receipt)? = self.orders[token] else {
                return
            }
            self.letTargetCatchUp(index, order, receipt, ShardID(rawValue: receipt.targetShard))
            self.flushTransports()
        }
        return true
    }

    /// Answers a move whose target could not confirm: it is committed, whatever happened to the target's owner.
    func respondIfMoved(_ index: Int) -> Bool {
        guard case .moved(let order, let receipt)? = orders[slab.token(of: index)] else { return false }
        respondMoved(index, order, receipt)
        return true
    }

    private func respondMoved(_ index: Int, _ order: MoveOrder, _ receipt: MoveReceipt) {
        body.removeAll()
        body.append("{\"affiliate_id\":" as StaticString)
        body.appendDecimal(order.about.affiliate.rawValue)
        body.append(",\"old_parent_affiliate_id\":" as StaticString)
        appendIDOrNull(receipt.oldParent)
        body.append(",\"new_parent_affiliate_id\":" as StaticString)
        appendIDOrNull(order.newParent?.rawValue ?? 0)
        body.append(",\"affiliates_moved\":" as StaticString)
        body.appendDecimal(receipt.movedCount)
        body.append(UInt8(ascii: "}"))
        respond(index, status: 200, type: .json, body: body.bytes)
    }

    private func appendIDOrNull(_ id: Int64) {
        if id == 0 { body.append("null" as StaticString) } else { body.appendDecimal(id) }
    }
}
