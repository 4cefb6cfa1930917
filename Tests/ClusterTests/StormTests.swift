import ClusterSupport
import Foundation
import PostgresClient
import TestServers
import Testing

extension ClusterTests {
    @Suite(.serialized) struct StormTests {
        @Test("after thousands of random changes through two gateways memory equals PostgreSQL, and no read on the way was wrong")
        func storm() async throws {
            let cluster = try await TestCluster.start(affiliates: 1500, seed: 21)
            try await TestCluster.blocking {
                let model = try NetworkModel(cluster.connect())
                let ids = model.ids
                let writes = Tally()
                let reads = Tally()
                let callers = Callers()
                for number in 0..<4 {
                    let client = Held(cluster.client("gateway-\(number % 2 + 1)"))
                    let random = Held(SeededGenerator(seed: UInt64(100 + number)))
                    let mine = Held<[Int64]>([])
                    callers.add("writer \(number)") { round in
                        let path = "/api/v2/affiliates"
                        func someone() -> Int64 {
                            (Int.random(in: 0..<3, using: &random.value) == 0
                                ? mine.value.randomElement(using: &random.value) : nil)
                                ?? ids.randomElement(using: &random.value) ?? 1
                        }
                        let answer: HTTPAnswer
                        switch Int.random(in: 0..<10, using: &random.value) {
                        case 0..<5:
                            answer = try client.value.send(
                                "POST", path,
                                [
                                    "external_id": "storm-\(number)-\(round)", "name": "Storm",
                                    "parent_affiliate_id": round % 25 == 0 ? nil : someone(),
                                ])
                            if answer.status == 201 { mine.value.append(try answer.decode(AffiliateAnswer.self).affiliate_id) }
                        case 5..<7:
                            let status = ["active", "inactive", "suspended", "banned"].randomElement(using: &random.value)
                            answer = try client.value.send("PATCH", "\(path)/\(someone())", ["status": status])
                        default:
                            let parent = Int.random(in: 0..<12, using: &random.value) == 0 ? nil : someone()
                            answer = try client.value.send(
                                "POST", "\(path)/\(someone())/move", ["new_parent_affiliate_id": parent, "reason": "storm"])
                        }
                        writes.note(answer)
                    }
                }
                for number in 0..<2 {
                    let client = Held(cluster.client("gateway-\(number + 1)"))
                    let random = Held(SeededGenerator(seed: UInt64(200 + number)))
                    callers.add("reader \(number)") { round in
                        let id = ids.randomElement(using: &random.value) ?? 1
                        let part = ["", "/upline", "/network?depth=100&limit=20", "/statuses"][round % 4]
                        let answer = try client.value.get("/api/v2/affiliates/\(id)\(part)")
                        reads.note(answer)
                        if round % 4 == 0, answer.status == 200 {
                            let one = try answer.decode(AffiliateAnswer.self)
                            let path = one.hierarchy_path.split(separator: ".").compactMap { Int64($0) }
                            if path.count != one.hierarchy_level || path.last != id
                                || path.dropLast().last != one.parent_affiliate_id
                            {
                                callers.fail("a path that contradicts itself: \(answer.text)")
                            }
                        }
                    }
                }
                Thread.sleep(seconds: 10)
                #expect(callers.stop() == [])
                print("storm: writes \(writes.summary); reads \(reads.summary)")
                #expect(writes["201"] > 200 && writes["200"] > 200)
                #expect(
                    writes.kinds.isSubset(of: ["200", "201", "409 cycle"]), "\(writes.summary)")
                // Everyone asked for has been there all along.
                #expect(reads.kinds.isSubset(of: ["200"]), "\(reads.summary)")
                #expect(try cluster.differences() == [])
            }
        }

        @Test("moves that cross each other never make a cycle")
        func crossingMoves() async throws {
            let cluster = try await TestCluster.start(affiliates: 1500, seed: 8)
            try await TestCluster.blocking {
                let connection = try cluster.connect()
                let model = try NetworkModel(connection)
                let owned = try cluster.shards(of: "worker-1", connection)
                let roots = model.roots.filter { $0 < 1_000_000 }
                let here = roots.filter { owned.contains(model.affiliates[$0]?.shard ?? -1) }.prefix(4)
                let there = roots.filter { !owned.contains(model.affiliates[$0]?.shard ?? 0) }.prefix(4)
                let pairs = Array(zip(here, there))
                try #require(pairs.count == 4)
                let answers = Tally()
                let callers = Callers()
                for number in 0..<4 {
                    let client = Held(cluster.client("gateway-\(number % 2 + 1)"))
                    callers.add("mover \(number)") { round in
                        let (one, other) = pairs[round % 4]
                        let (id, parent) = number < 2 ? (one, other) : (other, one)
                        let path = "/api/v2/affiliates/\(id)/move"
                        answers.note(try client.value.send("POST", path, ["new_parent_affiliate_id": parent, "reason": "cross"]))
                        if round % 3 == 0 {
                            answers.note(try client.value.send("POST", path, ["new_parent_affiliate_id": nil, "reason": "back"]))
                        }
                    }
                }
                Thread.sleep(seconds: 4)
                #expect(callers.stop() == [])
                print("crossing moves: \(answers.summary)")
                #expect(answers["200"] > 20 && answers["409 cycle"] > 0, "\(answers.summary)")
                #expect(answers.kinds.isSubset(of: ["200", "409 cycle"]), "\(answers.summary)")
                #expect(try cluster.differences() == [])
            }
        }

        @Test("paging while others join neither repeats nor skips one who was there all along")
        func paging() async throws {
            let cluster = try await TestCluster.start(affiliates: 1500, seed: 31)
            try await TestCluster.blocking {
                let model = try NetworkModel(cluster.connect())
                let root = model.ranking("network_size", limit: 1).rankings[0].affiliate_id
                let here = model.members(root, depth: .max, status: nil).map(\.affiliate_id)
                let joins = Tally()
                let callers = Callers()
                for number in 0..<3 {
                    let client = Held(cluster.client("gateway-\(number % 2 + 1)"))
                    let random = Held(SeededGenerator(seed: UInt64(300 + number)))
                    callers.add("joiner \(number)") { round in
                        // Small and large numbers: before and after everyone among their siblings.
                        let fields: [String: Any?] = [
                            "external_id": "page-\(number)-\(round)", "name": "Page",
                            "parent_affiliate_id": here.randomElement(using: &random.value),
                            "affiliate_id": round % 2 == 0
                                ? nil : 2_000_000_000 + Int64.random(in: 0..<1_000_000_000, using: &random.value),
                        ]
                        joins.note(try client.value.send("POST", "/api/v2/affiliates", fields))
                    }
                }
                let client = cluster.client("gateway-2")
                let expected = Set(here)
                // Pass after pass, until enough have joined meanwhile.
                for pass in 0..<200 {
                    guard pass < 5 || joins["201"] < 150 else { break }
                    let limit = [3, 10, 33, 100, 250][pass % 5]
                    var seen: [Int64] = []
                    var cursor: String?
                    repeat {
                        let query = "depth=1000&limit=\(limit)" + (cursor.map { "&cursor=\($0)" } ?? "")
                        let page = try client.get("/api/v2/affiliates/\(root)/network?\(query)").decode(NetworkAnswer.self)
                        seen += page.members.map(\.affiliate_id)
                        cursor = page.next_cursor
                    } while cursor != nil
                    #expect(Set(seen).count == seen.count, "limit \(limit) repeats")
                    #expect(expected.subtracting(seen).isEmpty, "limit \(limit) skips")
                }
                #expect(callers.stop() == [])
                print("paging: joins \(joins.summary)")
                #expect(
                    joins["201"] > 100 && joins.kinds.isSubset(of: ["201", "409 duplicate-affiliate-id"]), "\(joins.summary)")
            }
        }
    }
}
