import ClusterSupport
import Core
import Frames
import Glibc
import PostgresClient
import TestServers

/// Asks workers as a gateway does: it goes where `moved` sends it, never back to an older epoch, and waits where the answer is `notYet`.
///
/// Belongs to one thread.
final class FrameCaller {
    private let connection: PostgresConnection
    private var probes: [Int64: WorkerProbe] = [:]
    private var routes: [Int: (owner: Int64, epoch: Int64)] = [:]
    /// How often it was sent elsewhere, and how often it had to wait.
    private(set) var moved = 0
    private(set) var notYet = 0

    private static let pauseMicroseconds: UInt32 = 3000
    private static let attemptsMax = 2000

    /// Whether `notOwner` and `loading` are answers like others, or it looks and asks again, where workers may die.
    private let isMortal: Bool

    init(_ cluster: TestCluster, isMortal: Bool = false) throws {
        connection = try cluster.connect()
        self.isMortal = isMortal
    }

    /// Asks and does not wait for the answer. The connection is nobody else's.
    func begin(_ operation: Operation, _ shard: Int, _ fields: (ByteBuilder) -> Void) throws -> WorkerProbe {
        let owner = try route(shard)
        let fresh = try probe(owner)
        probes[owner] = nil
        try fresh.send(operation, shard: UInt16(shard), fields)
        return fresh
    }

    /// Forgets what it knew of workers, for one that has died.
    func startOver() {
        probes = [:]
        routes = [:]
    }

    /// The answer of whoever has the shard.
    func ask(_ operation: Operation, _ shard: Int, _ fields: (ByteBuilder) -> Void) throws -> WorkerProbe.Reply {
        for _ in 0..<Self.attemptsMax {
            let owner = try route(shard)
            let reply = try probe(owner).asked(operation, UInt16(shard), fields)
            guard try isElsewhere(reply, shard) else { return reply }
        }
        throw TestServerError("shard \(shard) was not to be found")
    }

    private func isElsewhere(_ reply: WorkerProbe.Reply, _ shard: Int) throws -> Bool {
        switch reply.outcome {
        case .moved:
            let (owner, epoch) = try reply.fields.withUnsafeBytes { raw -> (Int64, Int64) in
                var reader = FieldReader(raw)
                guard let owner = reader.integer(Int64.self), let epoch = reader.integer(Int64.self), reader.isAtEnd else {
                    throw TestServerError("moved makes no sense: \(reply.fields)")
                }
                return (owner, epoch)
            }
            note(shard, owner, epoch)
            return true
        case .notYet:
            wait()
            return true
        case .notOwner where isMortal, .problem where isMortal && reply.word == WorkerProblem.loading.rawValue:
            routes[shard] = nil
            wait()
            return true
        default: return false
        }
    }

    private func note(_ shard: Int, _ owner: Int64, _ epoch: Int64) {
        moved += 1
        if epoch > routes[shard]?.epoch ?? 0 { routes[shard] = (owner, epoch) } else { usleep(Self.pauseMicroseconds) }
    }

    private func wait() {
        notYet += 1
        usleep(Self.pauseMicroseconds)
    }

    /// Sends transactions of one shard until each has a receipt that says what became of it.
    func accept(_ orders: [TransactionOrder], _ shard: Int) throws -> [TransactionReceipt] {
        var receipts = [TransactionReceipt?](repeating: nil, count: orders.count)
        for _ in 0..<Self.attemptsMax {
            let open = receipts.indices.filter { receipts[$0] == nil }
            guard !open.isEmpty else { return receipts.compactMap(\.self) }
            let reply = try probe(route(shard)).asked(.accept, ShardSet.allShards) { frame in
                frame.appendInteger(UInt32(open.count))
                for index in open { orders[index].write(to: frame) }
            }
            guard reply.outcome == .binary else { throw TestServerError("transactions were answered \(reply.outcome)") }
            var mustWait = false
            try reply.fields.withUnsafeBytes { raw in
                var reader = FieldReader(raw)
                for index in open {
                    guard let receipt = TransactionReceipt(from: &reader) else { throw TestServerError("a receipt is missing") }
                    switch receipt.outcome {
                    case .moved: note(shard, receipt.transactionID, receipt.acceptedAtMicroseconds)
                    case .notYet: mustWait = true
                    default: receipts[index] = receipt
                    }
                }
            }
            if mustWait { wait() }
        }
        throw TestServerError("transactions of shard \(shard) were not settled")
    }

    private func route(_ shard: Int) throws -> Int64 {
        if let known = routes[shard] { return known.owner }
        let row = try connection.execute("SELECT owner, epoch FROM fature_v2.shard WHERE id = $1", [.int(Int64(shard))])
        guard let owner = try row.optionalInt(0, 0) else { throw TestServerError("shard \(shard) has no owner") }
        routes[shard] = (owner, try row.int(0, 1))
        return owner
    }

    private func probe(_ owner: Int64) throws -> WorkerProbe {
        if let probe = probes[owner] { return probe }
        let row = try connection.execute("SELECT address FROM fature_v2.worker_lease WHERE instance_id = $1", [.int(owner)])
        guard row.rowCount == 1, let port = Int(try row.text(0, 0).split(separator: ":").last ?? "") else {
            throw TestServerError("instance \(owner) is not there")
        }
        let probe = try WorkerProbe(port: port)
        probes[owner] = probe
        return probe
    }
}

extension WorkerProbe {
    func asked(_ operation: Operation, _ shard: UInt16, _ fields: (ByteBuilder) -> Void) throws -> Reply {
        try send(operation, shard: shard, fields)
        return try receiveReply()
    }
}

extension TransactionOrder {
    func write(to frame: ByteBuilder) {
        let facts = ByteBuilder()
        guard let type = TransactionType(rawValue: type), let currency = Array(currency.utf8).withUnsafeBytes({ Currency($0) })
        else { return }
        var externalID = externalID
        externalID.withUTF8 { id in
            facts.appendTransactionFacts(
                affiliate: affiliate.rawValue, type: type, amountMinor: amountMinor, winningsMinor: winningsMinor,
                eligibility: eligibility, dateMicroseconds: dateMicroseconds, currency: currency,
                externalID: UnsafeRawBufferPointer(id), metadata: nil)
        }
        frame.appendTransactionOrder(shard: shard, sequence: sequence, facts: facts.bytes)
    }
}
