import ClusterSupport
import Foundation
import PostgresClient
import TestServers
import Testing

private let statuses = ["pending", "approved", "paid", "cancelled", "disputed"]

/// How each status is reached from `pending`, and where an entry may go from it.
private let way: [String: (path: [String], next: Set<String>)] = [
    "pending": ([], ["approved", "cancelled", "disputed"]),
    "approved": (["approved"], ["paid", "cancelled", "disputed"]),
    "paid": (["approved", "paid"], []),
    "cancelled": (["cancelled"], []),
    "disputed": (["disputed"], ["pending", "approved", "cancelled"]),
]

extension LedgerTests {
    @Suite(.serialized) struct DecisionTests {
        @Test("from each status to each: what is legal is done once, what is not is refused with 409 and changes nothing")
        func transitions() async throws {
            let seed = Chaos.seed("transitions")
            let trial = try await LedgerTrial.start(seed: seed, affiliates: 200)
            try await TestCluster.blocking {
                try trial.awaitFlow(100)
                try trial.settle("transitions")
                let figures = LedgerFigures(connection: try trial.cluster.connect())
                let client = trial.cluster.client("gateway-1")
                var fresh = try figures.rows(
                    "SELECT transaction_id || '-' || ordinal FROM fature_v2.commissions ORDER BY 1 LIMIT 30")
                func decide(_ id: String, _ status: String) throws -> HTTPAnswer {
                    try client.send("POST", "/api/v2/commissions/\(id)/status", ["status": status, "reason": "a test"])
                }
                func status(_ id: String) throws -> String {
                    try figures.row(
                        "SELECT status FROM fature_v2.commissions WHERE transaction_id || '-' || ordinal = $1", [.text(id)])
                }
                for from in statuses {
                    for to in statuses {
                        let id = fresh.removeLast()
                        let known = try #require(way[from])
                        for step in known.path { #expect(try decide(id, step).status == 200) }
                        let changes = "SELECT count(*) FROM fature_v2.commission_status_change"
                        let before = try figures.row(changes)
                        let answer = try decide(id, to)
                        if known.next.contains(to) {
                            let result = try answer.decode(DecisionAnswer.Result.self)
                            #expect(answer.status == 200 && result.changed && result.commission_id == id, "\(from) to \(to)")
                            #expect(result.status == to && result.previous_status == from && result.operation_id != nil)
                            #expect(try status(id) == to)
                            // A lost answer is asked for again.
                            let again = try decide(id, to)
                            #expect(try again.status == 200 && !again.decode(DecisionAnswer.Result.self).changed)
                        } else if from == to {
                            #expect(try answer.status == 200 && !answer.decode(DecisionAnswer.Result.self).changed)
                            #expect(try figures.row(changes) == before)
                        } else {
                            #expect(Tally.kind(answer) == "409 illegal-transition", "\(from) to \(to)")
                            #expect(
                                try answer.decode(ProblemAnswer.self).detail
                                    == "commission \(id) is \(from) and cannot become \(to)")
                            #expect(try status(id) == from && figures.row(changes) == before)
                        }
                    }
                }
                let who = try figures.rows("SELECT DISTINCT actor, reason FROM fature_v2.commission_operation")
                #expect(who == ["api a test"])
                #expect(Tally.kind(try decide("1-1", "approved")) == "404 unknown-commission")
                #expect(Tally.kind(try decide("1000-0", "approved")) == "400 bad-field")
                let id = fresh.removeLast()
                #expect(Tally.kind(try decide(id, "done")) == "422 invalid-field")
                #expect(
                    Tally.kind(try client.send("POST", "/api/v2/commissions/\(id)/status", ["status": "paid"]))
                        == "422 invalid-field")
                #expect(try trial.reconcile() == [:])
            }
        }

        @Test("of a thousand at once each is judged by itself, and those of reversed transactions are not cancelled")
        func bulk() async throws {
            let seed = Chaos.seed("decisions about many")
            let trial = try await LedgerTrial.start(seed: seed, affiliates: 200)
            try await TestCluster.blocking {
                try trial.awaitFlow(300)
                try trial.settle("decisions about many")
                let figures = LedgerFigures(connection: try trial.cluster.connect())
                let clients = LedgerTrial.gateways.map { trial.cluster.client($0) }
                var random = SeededGenerator(seed: seed)
                for id in try figures.rows("SELECT DISTINCT transaction_id FROM fature_v2.commissions ORDER BY 1 LIMIT 5") {
                    let answer = try clients[0].send("POST", "/api/v2/transactions/\(id)/reverse", ["reason": "bulk"])
                    try #require(answer.status == 200)
                }
                struct Known {
                    var status: String
                    var minor: Int64
                    var isReversed: Bool
                }
                func read() throws -> [String: Known] {
                    let rows = try figures.rows(
                        """
                        SELECT transaction_id || '-' || ordinal, status, (amount * 100)::bigint, EXISTS (
                            SELECT 1 FROM fature_v2.transaction_reversal r WHERE r.transaction_id = c.transaction_id)
                        FROM fature_v2.commissions c
                        """
                    ).map { $0.split(separator: " ").map { "\($0)" } }
                    return Dictionary(
                        uniqueKeysWithValues: rows.map {
                            ($0[0], Known(status: $0[1], minor: Int64($0[2]) ?? 0, isReversed: $0[3] == "t"))
                        })
                }
                var kinds: [String: Int] = [:]
                for round in 0..<12 {
                    let known = try read()
                    let to = round < 2 ? ["approved", "cancelled"][round] : statuses.randomElement(using: &random) ?? "paid"
                    let count = round == 0 ? 997 : Int.random(in: 1...400, using: &random)
                    var ids = Array(known.keys.sorted().shuffled(using: &random).prefix(count))
                    if round == 1 { ids += known.filter { $0.value.isReversed && !ids.contains($0.key) }.map(\.key) }
                    ids += ["1-1", "\(Int64.max)--32768"]
                    let answer = try clients[round % 2].send(
                        "POST", "/api/v2/commissions/status", ["status": to, "reason": "bulk", "commissions": ids])
                    let told = try answer.decode(DecisionAnswer.self)
                    let wanted = ids.map { id -> String in
                        guard let entry = known[id] else { return "\(id) /problems/unknown-commission" }
                        if entry.status == to { return "\(id) unchanged" }
                        guard way[entry.status]?.next.contains(to) == true else { return "\(id) /problems/illegal-transition" }
                        return to == "cancelled" && entry.isReversed ? "\(id) /problems/transaction-reversed" : "\(id) changed"
                    }
                    let results = try #require(told.results)
                    #expect(results.map { "\($0.commission_id) \($0.type ?? ($0.changed ? "changed" : "unchanged"))" } == wanted)
                    let changed = wanted.filter { $0.hasSuffix(" changed") }.count
                    let unchanged = wanted.filter { $0.hasSuffix(" unchanged") }.count
                    #expect(answer.status == 207 && told.changed == changed && told.unchanged == unchanged)
                    #expect(told.refused == wanted.count - changed - unchanged)
                    var sum: Int64 = 0
                    for (id, line) in zip(ids, wanted) where line.hasSuffix(" changed") { sum += known[id]?.minor ?? 0 }
                    let sumText = (sum < 0 ? "-" : "") + SentTransaction.decimal(Int64(sum.magnitude))
                    #expect(told.amount == sumText)
                    for line in wanted { kinds[line.split(separator: " ").last.map { "\($0)" } ?? "", default: 0] += 1 }
                    let after = try read()
                    for (id, line) in zip(ids, wanted) {
                        #expect(after[id]?.status == (line.hasSuffix(" changed") ? to : known[id]?.status))
                    }
                }
                print("decisions about many: \(kinds)")
                #expect(kinds.count == 5, "\(kinds)")
                let ids = (1...1001).map { "\($0)-1" }
                let many = try clients[0].send(
                    "POST", "/api/v2/commissions/status", ["status": "paid", "reason": "r", "commissions": ids])
                #expect(Tally.kind(many) == "422 invalid-field")
                #expect(try trial.reconcile() == [:])
            }
        }

        @Test("a decision by filter goes on by its cursor to the end, whatever answers are lost on the way")
        func filter() async throws {
            let seed = Chaos.seed("decisions by filter")
            let trial = try await LedgerTrial.start(seed: seed, workers: 1, affiliates: 50, flows: false)
            try await TestCluster.blocking {
                let connection = try trial.cluster.connect()
                let figures = LedgerFigures(connection: connection)
                // Five entries each.
                let deep = TestNetwork.chainTop + 100
                for batch in 0..<2 {
                    let rows = (0..<1000).map {
                        SentTransaction(externalID: "f-\(batch)-\($0)", affiliate: deep, type: "bet", amount: 10_000, winnings: 0)
                            .json
                    }
                    let answer = try trial.cluster.client("gateway-1").ask(
                        "POST", "/api/v2/transactions", body: Data("[\(rows.joined(separator: ","))]".utf8))
                    try #require(answer.status == 201, "\(answer.text.prefix(300))")
                }
                try trial.awaitPaid(connection)
                // Time for one piece, and not always for that.
                try trial.cluster.startGateway("gateway-3", environment: ["FATURE_GATEWAY_DEADLINE_MILLISECONDS=250"])
                let client = trial.cluster.client("gateway-3")
                func run(_ status: String, _ filter: [String: Any]) throws -> (
                    changed: Int, refused: Int, answers: Int, operations: Set<Int64>
                ) {
                    var sum = (changed: 0, refused: 0, answers: 0, operations: Set<Int64>())
                    var cursor: String?
                    for _ in 0..<500 {
                        var body: [String: Any?] = ["status": status, "reason": "filter", "filter": filter]
                        if let cursor { body["cursor"] = cursor }
                        let answer = try client.send("POST", "/api/v2/commissions/status", body)
                        guard answer.status == 200 else {
                            #expect(answer.status == 503, "\(answer.text)")
                            continue
                        }
                        let told = try answer.decode(DecisionAnswer.self)
                        sum.changed += told.changed
                        sum.refused += told.refused
                        sum.answers += 1
                        sum.operations.formUnion(told.operations ?? [])
                        cursor = told.next_cursor
                        if cursor == nil { return sum }
                        // It goes on with the same decision only.
                        let other = try client.send(
                            "POST", "/api/v2/commissions/status",
                            ["status": "cancelled", "reason": "r", "filter": filter, "cursor": cursor])
                        #expect(Tally.kind(other) == "422 invalid-field")
                    }
                    throw TestServerError("a decision by filter comes to no end")
                }
                func count(_ status: String) throws -> String {
                    try figures.row("SELECT count(*) FROM fature_v2.commissions WHERE status = '\(status)'")
                }
                #expect(try count("pending") == "10000")
                let one = try run("disputed", ["affiliate_id": deep - 1, "status": "pending"])
                #expect(try count("disputed") == "2000" && one.changed <= 2000)
                let all = try run("approved", ["status": "pending"])
                #expect(try count("approved") == "8000" && count("disputed") == "2000")
                let none = try run("paid", ["from": "2020-01-01", "to": "2020-01-02"])
                #expect(none.changed == 0 && none.operations.isEmpty)
                let paid = try run("paid", ["from": "2020-01-01"])
                #expect(try count("paid") == "8000" && paid.refused == 2000)
                print(
                    "decisions by filter: \(one.answers), \(all.answers), \(none.answers), \(paid.answers) answers; \(all.operations.count) pieces told"
                )
                #expect(all.answers > 1, "it all fitted into one answer")
                #expect(try trial.reconcile() == [:])
            }
        }
    }
}
