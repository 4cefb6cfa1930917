import Core
import Hierarchy

extension Benchmark {
    static let partition = Benchmark(
        name: "partition", usage: "partition [--affiliates N]",
        summary: "the hierarchy in memory: build, counts, pages, joins, rebuilds (default 532,363 affiliates)",
        run: { try PartitionBenchmark(arguments: $0).run() })
}

struct UsageError: Error, CustomStringConvertible {
    let description: String
}

/// The partition alone, as one shard and as 256.
struct PartitionBenchmark {
    private let network: MissionNetwork
    private let count: Int

    init(arguments: [String]) throws {
        var affiliates = MissionNetwork.affiliates
        if let flag = arguments.first {
            guard flag == "--affiliates", arguments.count == 2, let value = Int(arguments[1]), value >= 100_000 else {
                throw UsageError(description: "partition takes --affiliates N with N of 100,000 or more, nothing else")
            }
            affiliates = value
        }
        network = MissionNetwork(affiliates: affiliates)
        count = affiliates
    }

    func run() throws {
        let table = Table("partition, \(count) affiliates, fastest of several runs")
        var partition = try build(shards: 1)[0]
        let runs = count > 1_000_000 ? 1 : 3
        try table.line("build as one partition", runs: runs) { partition = try build(shards: 1)[0] }
        try table.line("build as 256 partitions", runs: runs) { _ = try build(shards: ShardID.count) }
        let memory = partition.memoryBytes
        table.show("structure", "\(tenths(memory.structure, count)) bytes an affiliate")
        table.show("profiles", "\(tenths(memory.profiles, count)) bytes an affiliate")
        table.show("levels", partition.levelTotals.map(String.init).joined(separator: " "))
        table.show("answers equal to sums over the list of sponsors", "\(try AnswerCheck.run(network, partition)) affiliates")
        try queries(partition, table)
        try changes(partition, table)
    }

    private func tenths(_ bytes: Int, _ count: Int) -> String { "\(bytes * 10 / count / 10).\(bytes * 10 / count % 10)" }

    // MARK: Build

    private func build(shards: Int) throws -> [Partition] {
        var shardOf = [UInt8](repeating: 0, count: count)
        if shards > 1 {
            // A sponsor's index is always below the referral's.
            for i in 0..<count { shardOf[i] = network.parents[i] < 0 ? UInt8(i % shards) : shardOf[Int(network.parents[i])] }
        }
        let builders = (0..<shards).map { PartitionBuilder(shard: ShardID($0)) }
        let bytes = Array("external-12345678Maria da Conceicao Oliveiramaria.oliveira@example.com".utf8)
        return try bytes.withUnsafeBytes { all in
            func field(_ range: Range<Int>) -> UnsafeRawBufferPointer { UnsafeRawBufferPointer(rebasing: all[range]) }
            let standard: StaticString = "standard"
            let view = ProfileView(
                registrationMicroseconds: 1_700_000_000_000_000, externalID: field(0..<17), referralCode: nil,
                name: field(17..<43),
                email: field(43..<all.count), phone: nil, document: nil,
                category: UnsafeRawBufferPointer(start: standard.utf8Start, count: standard.utf8CodeUnitCount))
            for i in 0..<count {
                let parent = network.parents[i] < 0 ? 0 : network.ids[Int(network.parents[i])]
                try builders[Int(shardOf[i])].append(
                    id: network.ids[i], parent: parent, status: i % 9 == 0 ? .inactive : .active, profile: view)
            }
            var partitions: [Partition] = []
            for builder in builders { partitions.append(try builder.finish()) }
            return partitions
        }
    }

    // MARK: Queries

    private func sample(_ size: Int) -> [AffiliateID] {
        var state: UInt64 = 42
        return (0..<size).map { _ in
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return AffiliateID(network.ids[Int((state >> 33) % UInt64(count))])
        }
    }

    private func queries(_ partition: Partition, _ table: Table, _ suffix: String = "") throws {
        let asked = sample(200_000)
        let nodes = asked.compactMap { partition.find($0) }
        var sum = 0
        table.line("find" + suffix, count: asked.count) { for id in asked { if partition.find(id) != nil { sum += 1 } } }
        table.line("depth-5 counts, random affiliate" + suffix, count: nodes.count) {
            for node in nodes { partition.levelCounts(below: node, depth: 5) { sum += $0 + $1 } }
        }
        guard let widest = partition.find(AffiliateID(network.ids[network.widest])) else { return }
        table.line("depth-5 counts, widest affiliate" + suffix, count: 100_000) {
            for _ in 0..<100_000 { partition.levelCounts(below: widest, depth: 5) { sum += $0 + $1 } }
        }
        table.line("upline, random affiliate" + suffix, count: nodes.count) {
            for node in nodes { partition.upline(of: node) { _, distance in sum += distance } }
        }
        try table.line("first page of 50, widest affiliate" + suffix, count: 1_000) {
            for _ in 0..<1_000 { _ = try partition.members(below: widest, depth: 5, limit: 50) { sum += $0.levelDistance } }
        }
        try table.line(
            "all pages of 50, widest affiliate, per member" + suffix, count: partition.networkSize(of: widest), runs: 2
        ) {
            var cursor: PageCursor?
            repeat {
                cursor = try partition.members(below: widest, depth: .max, after: cursor, limit: 50) { sum += $0.levelDistance }
            } while cursor != nil
        }
        table.line("status counts, widest affiliate, all of it" + suffix) {
            sum += partition.statusCounts(below: widest, depth: .max).active
        }
        table.line("top 100 by direct referrals" + suffix) { sum += partition.top(by: .directReferrals, limit: 100).count }
        table.line("top 100 by network size" + suffix) { sum += partition.top(by: .networkSize, limit: 100).count }
        if sum == 0 { table.show("nothing was measured", "") }
    }

    // MARK: Changes

    private func changes(_ partition: Partition, _ table: Table) throws {
        let sponsors = sample(2_000)
        var id = Int64.max / 2
        try table.line("join below a random affiliate", count: sponsors.count, runs: 1) {
            for sponsor in sponsors {
                id += 1
                try partition.join(
                    AffiliateRow(
                        id: AffiliateID(id), parent: sponsor, status: .active,
                        profile: AffiliateProfile(externalID: "e\(id)", name: "Joana", registrationMicroseconds: 0)))
            }
        }
        try queries(partition, table, ", 2,000 joins waiting")
        var snapshot = partition.snapshot()
        table.line("snapshot") { snapshot = partition.snapshot() }
        try table.line("rebuild that folds them in", runs: 2) { _ = try snapshot.rebuilt() }
        let moved = AffiliateID(network.ids[network.widest + MissionNetwork.roots + 5])
        try table.line("rebuild that moves a subtree too", runs: 2) {
            _ = try snapshot.rebuilt(PartitionEdit(moved: [.init(id: moved, parent: nil)]))
        }
    }
}
