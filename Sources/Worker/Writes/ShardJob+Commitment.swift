import Core

/// Whether a job whose answer was lost is in what PostgreSQL has committed.
extension ShardJob {
    enum Commitment: Sendable {
        case yes(AffiliateID)
        case no
        case open
    }

    /// Whether the changes that PostgreSQL has recorded since contain this job's.
    func isCommitted(in news: CatchUp) -> Commitment {
        let changes: [CatchUp.NumberedChange]
        switch news {
        case .changes(let read): changes = read
        case .net(let net): return isCommitted(in: net)
        case .reload: return .open
        }
        for numbered in changes {
            switch (kind, numbered.change) {
            case (.join(let order), .join(let row)) where row.profile.externalID == order.profile.externalID: return .yes(row.id)
            case (.setStatus(let order), .status(let id, _)) where id == order.about.affiliate: return .yes(id)
            case (.move, .edit): return .open
            default: continue
            }
        }
        return .no
    }
}

extension ShardJob {
    fileprivate func isCommitted(in net: NetChange) -> Commitment {
        switch kind {
        case .join(let order):
            net.joinedExternalIDs.first { $0.value == order.profile.externalID }.map { .yes($0.key) } ?? .no
        case .setStatus(let order): net.statusChanged.contains(order.about.affiliate) ? .yes(order.about.affiliate) : .no
        case .move, .catchUp: .open
        }
    }
}
