import Core

@testable import Hierarchy

/// A partition and its model living through the same random changes.
///
/// A rebuild starts on a snapshot, the live partition goes on, and what happened meanwhile is replayed on the new one, as a worker
/// does it. Readers page through networks all the while.
struct PartitionLife {
    struct Shape: CustomStringConvertible, Sendable {
        var description: String
        /// Of a hundred joins so many are below the newest affiliate, the oldest one, or nobody; the rest below anyone.
        var newest: Int, oldest: Int, nobody: Int
        var ids: ClosedRange<Int64>
        var rowsAtStart: ClosedRange<Int>
    }

    private enum Change { case join(AffiliateRow), status(AffiliateID, AffiliateStatus) }

    private struct Reader {
        let network: AffiliateID
        let atStart: Set<AffiliateID>
        var cursor: PageCursor?
        var seen: [AffiliateID] = []
    }

    let shape: Shape
    private(set) var random: SeededGenerator
    private(set) var model = ModelForest()
    private(set) var partition: Partition
    private var newest: [AffiliateID] = []
    private var pending: (snapshot: PartitionSnapshot, edit: PartitionEdit)?
    private var sincePending: [Change] = []
    private var readers: [Reader] = []
    private(set) var problems: [String] = []

    init(shape: Shape, seed: UInt64) throws {
        self.shape = shape
        random = SeededGenerator(seed: seed)
        partition = try Hierarchy.PartitionBuilder(shard: ShardID(1)).finish()
        let builder = PartitionBuilder(shard: ShardID(1))
        var rows: [AffiliateRow] = []
        for _ in 0..<Int.random(in: shape.rowsAtStart, using: &random) {
            guard let row = newRow() else { continue }
            rows.append(row)
            model.insert(row)
        }
        for row in rows.shuffled(using: &random) { try builder.append(row) }
        partition = try builder.finish()
    }

    // MARK: Steps

    mutating func step() throws {
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<45: try join()
        case 45..<55: try changeStatus()
        case 55..<60: refuseNonsense()
        case 60..<66: if pending == nil { startRebuild(PartitionEdit()) }
        case 66..<72: if pending == nil { startRebuild(randomEdit()) }
        case 72..<82: try finishRebuild()
        case 82..<86: startReading()
        default: try read()
        }
    }

    mutating func finish() throws {
        try finishRebuild()
        while !readers.isEmpty { try read() }
        problems += try partition.differences(from: model, using: &random)
    }

    private mutating func newRow() -> AffiliateRow? {
        let id = Int64.random(in: shape.ids, using: &random)
        guard model.rows[AffiliateID(id)] == nil, !isArriving(AffiliateID(id)) else { return nil }
        var parent: AffiliateID?
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<shape.newest: parent = newest.last { model.rows[$0] != nil }
        case shape.newest..<(shape.newest + shape.oldest): parent = newest.first { model.rows[$0] != nil }
        case (100 - shape.nobody)...: parent = nil
        default: parent = model.rows.keys.sorted().randomElement(using: &random)
        }
        newest.append(AffiliateID(id))
        return row(id, under: parent?.rawValue, AffiliateStatus.allCases.randomElement(using: &random) ?? .active)
    }

    private func isArriving(_ id: AffiliateID) -> Bool { pending?.edit.added.contains { $0.id == id } ?? false }

    private mutating func join() throws {
        guard let row = newRow() else { return }
        model.insert(row)
        try partition.join(row)
        sincePending.append(.join(row))
        problems += try partition.differences(from: model, about: row.id, using: &random)
        if let parent = row.parent { problems += try partition.differences(from: model, about: parent, using: &random) }
    }

    private mutating func changeStatus() throws {
        guard let id = model.rows.keys.sorted().randomElement(using: &random),
            let status = AffiliateStatus.allCases.randomElement(using: &random)
        else { return }
        model.setStatus(status, of: id)
        try partition.setStatus(status, of: id)
        sincePending.append(.status(id, status))
    }

    /// Changes that must be refused and leave everything as it was.
    private mutating func refuseNonsense() {
        let absent = AffiliateID(shape.ids.lowerBound - 1)
        let before = partition.affiliateCount
        expect(.invalidIdentifier) { (p) throws(PartitionError) in try p.join(row(0)) }
        expect(.unknownAffiliate) { (p) throws(PartitionError) in try p.setStatus(.banned, of: absent) }
        expect(.unknownAffiliate) { (p) throws(PartitionError) in _ = try p.snapshot().rebuilt(PartitionEdit(removed: [absent])) }
        guard let id = model.rows.keys.sorted().randomElement(using: &random) else { return }
        expect(.duplicateIdentifier) { (p) throws(PartitionError) in try p.join(row(id.rawValue)) }
        expect(.orphan) { (p) throws(PartitionError) in try p.join(row(absent.rawValue + 2_000_000, under: absent.rawValue)) }
        expect(.duplicateIdentifier) { (p) throws(PartitionError) in
            _ = try p.snapshot().rebuilt(PartitionEdit(added: [row(id.rawValue)]))
        }
        let below = ([id] + model.levels(below: id, depth: .max).joined()).randomElement(using: &random)
        expect(.cycle) { (p) throws(PartitionError) in
            _ = try p.snapshot().rebuilt(PartitionEdit(moved: [.init(id: id, parent: below)]))
        }
        if partition.affiliateCount != before { problems.append("a refused change changed something") }
    }

    private mutating func expect(
        _ code: PartitionError.Code, _ body: (Partition) throws(PartitionError) -> Void
    ) {
        do throws(PartitionError) {
            try body(partition)
            problems.append("\(code) was expected")
        } catch {
            if error.code != code { problems.append("\(code) was expected, not: \(error)") }
        }
    }

    // MARK: Rebuilds

    private mutating func randomEdit() -> PartitionEdit {
        let ids = model.rows.keys.sorted()
        var edit = PartitionEdit()
        guard let id = ids.randomElement(using: &random), let other = ids.randomElement(using: &random) else { return edit }
        switch Int.random(in: 0..<4, using: &random) {
        case 0: edit.removed = [id]
        case 1: edit.moved = [.init(id: id, parent: nil)]
        case 2:
            if id != other, !model.upline(other).contains(id) { edit.moved = [.init(id: id, parent: other)] }
        default:
            // A subtree that arrives, its rows in any order.
            let fresh = Set((0..<5).map { _ in Int64.random(in: shape.ids, using: &random) })
                .filter { model.rows[AffiliateID($0)] == nil }.sorted()
            for (i, arriving) in fresh.enumerated() {
                let parent = i == 0 ? (random.chance(30) ? nil : id.rawValue) : fresh[..<i].randomElement(using: &random)
                edit.added.append(row(arriving, under: parent))
            }
            edit.added.shuffle(using: &random)
        }
        return edit
    }

    private mutating func startRebuild(_ edit: PartitionEdit) {
        pending = (partition.snapshot(), edit)
        sincePending = []
    }

    /// The rebuilt partition takes over, after what happened since the snapshot has been replayed on it.
    private mutating func finishRebuild() throws {
        guard let (snapshot, edit) = pending else { return }
        pending = nil
        let rebuilt = try snapshot.rebuilt(edit)
        for row in edit.added.sorted(by: { $0.id < $1.id }) { model.insert(row) }
        for move in edit.moved { model.move(move.id, under: move.parent) }
        for id in edit.removed { model.remove(id) }
        for change in sincePending {
            do throws(PartitionError) {
                switch change {
                case .join(let row): try rebuilt.join(row)
                case .status(let id, let status): try rebuilt.setStatus(status, of: id)
                }
            } catch {
                // Only what happened inside a subtree that left may be refused.
                if edit.removed.isEmpty || model.rows[error.affiliate] != nil { problems.append("in the replay: \(error)") }
            }
        }
        partition = rebuilt
        if !edit.removed.isEmpty || !edit.moved.isEmpty { readers = [] }
        problems += try partition.differences(from: model, using: &random)
    }

    // MARK: Readers

    private mutating func startReading() {
        guard let id = model.rows.keys.sorted().randomElement(using: &random) else { return }
        readers.append(Reader(network: id, atStart: Set(model.levels(below: id, depth: .max).joined())))
    }

    private mutating func read() throws {
        guard !readers.isEmpty, let node = partition.find(readers[0].network) else { return }
        var reader = readers.removeFirst()
        let limit = Int.random(in: 1...4, using: &random)
        reader.cursor = try partition.members(below: node, depth: .max, after: reader.cursor, limit: limit) {
            reader.seen.append($0.id)
        }
        if reader.cursor != nil {
            readers.append(reader)
            return
        }
        let seen = Set(reader.seen)
        if seen.count != reader.seen.count { problems.append("a member of \(reader.network) was shown twice") }
        if !seen.isSuperset(of: reader.atStart) { problems.append("a member of \(reader.network) was left out") }
        let now = Set(model.levels(below: reader.network, depth: .max).joined())
        if !seen.isSubset(of: now) { problems.append("a stranger was shown in the network of \(reader.network)") }
    }
}
