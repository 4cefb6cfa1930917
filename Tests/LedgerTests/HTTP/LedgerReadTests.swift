import ClusterSupport
import Foundation
import PostgresClient
import TestServers
import Testing

extension LedgerTests {
    @Suite(.serialized) struct ReadTests {
        @Test("pages that are asked for while entries are made repeat none and skip none")
        func pagesInFlow() async throws {
            let seed = Chaos.seed("pages in full flow")
            let trial = try await LedgerTrial.start(seed: seed, affiliates: 200)
            try await TestCluster.blocking {
                let connection = try trial.cluster.connect()
                let figures = LedgerFigures(connection: connection)
                let clients = LedgerTrial.gateways.map { trial.cluster.client($0) }
                var random = SeededGenerator(seed: seed)
                try TestCluster.wait("somebody has earned often", seconds: 60) {
                    try figures.rows("SELECT 1 FROM fature_v2.commissions GROUP BY beneficiary_id HAVING count(*) > 150").count
                        > 0
                }
                let busiest = try figures.row(
                    "SELECT beneficiary_id FROM fature_v2.commissions GROUP BY beneficiary_id ORDER BY count(*) DESC LIMIT 1")
                for filter in ["", "status=pending&", "from=2020-01-01&to=2999-12-31T23:59:59Z&"] {
                    let before = try figures.entries(where: "beneficiary_id = \(busiest)")
                    var pages: [CommissionPage] = []
                    var cursor: String?
                    repeat {
                        let limit = Int.random(in: 1...25, using: &random)
                        let path = "/api/v2/affiliates/\(busiest)/commissions?\(filter)limit=\(limit)"
                        let client = try #require(clients.randomElement(using: &random))
                        let answer = try client.get(path + (cursor.map { "&cursor=\($0)" } ?? ""))
                        try #require(answer.status == 200, "\(answer.text)")
                        pages.append(try answer.decode(CommissionPage.self))
                        cursor = pages.last?.next_cursor
                    } while cursor != nil && pages.count <= before.count + 1000
                    let found = pages.flatMap(\.commissions).map(\.line)
                    #expect(Set(found).count == found.count, "an entry came twice")
                    #expect(Set(before).subtracting(found) == [], "an entry was passed over")
                    #expect(found.suffix(before.count) == before[...], "another order")
                    // With a filter the totals are those of the first page.
                    if !filter.isEmpty { #expect(Set(pages.map { "\($0.totals.count) \($0.totals.amount)" }).count == 1) }
                    #expect((pages.first?.totals.count ?? 0) >= before.count)
                    #expect(
                        try figures.entries(where: "beneficiary_id = \(busiest)").count > before.count,
                        "nothing was made meanwhile")
                }
                try trial.settle("pages in full flow")
            }
        }

        @Test("each transaction is explained level by level, and every figure that gateways tell is the one SQL has")
        func figures() async throws {
            let seed = Chaos.seed("figures of the ledger")
            let trial = try await LedgerTrial.start(seed: seed, affiliates: 300)
            try await TestCluster.blocking {
                try trial.awaitFlow(500)
                try trial.settle("figures of the ledger")
                let connection = try trial.cluster.connect()
                let figures = LedgerFigures(connection: connection)
                let client = trial.cluster.client("gateway-1")
                var random = SeededGenerator(seed: seed)

                let model = UplineModel(connection)
                let ids = try figures.rows("SELECT transaction_id FROM fature_v2.transactions").shuffled(using: &random).prefix(
                    400)
                var reasons: [String: Int] = [:]
                for id in ids.compactMap({ Int64($0) }) {
                    try Self.checkTransaction(id, figures, client)
                    let answer = try client.get("/api/v2/transactions/\(id)/commissions?explain=true")
                    let explanation = try answer.decode(ExplanationAnswer.self)
                    #expect(explanation.status == "processed" && explanation.matches_ledger == true, "\(answer.text)")
                    #expect(explanation.commissions.map(\.line) == (try figures.entries(of: id)))
                    #expect(explanation.plan?.version == 1)
                    let levels = try #require(explanation.levels)
                    for level in levels { reasons[level.reason ?? "paid", default: 0] += 1 }
                    #expect(
                        levels.map { "\($0.beneficiary_id) \($0.level_distance) \($0.rate) \($0.amount) \($0.reason ?? "paid")" }
                            == (try model.levels(of: id)))
                    #expect(
                        levels.filter(\.paid).map {
                            "\($0.commission_id ?? "") \($0.beneficiary_id) \($0.rule) \($0.base_amount) \($0.rate) \($0.amount) \($0.plan_version) \($0.status ?? "")"
                        }
                            == explanation.commissions.map {
                                "\($0.commission_id) \($0.beneficiary_id) \($0.rule) \($0.base_amount) \($0.rate) \($0.amount) \($0.plan_version) \($0.status)"
                            })
                    #expect(
                        levels.allSatisfy {
                            $0.paid == ($0.reason == nil) && ($0.paid || $0.commission_id == nil && $0.status == nil)
                        })
                    let plain = try client.get("/api/v2/transactions/\(id)/commissions").decode(ExplanationAnswer.self)
                    #expect(plain.levels == nil && plain.commissions.count == explanation.commissions.count)
                }
                print("levels: \(reasons)")
                #expect(
                    Set(reasons.keys).isSuperset(
                        of: ["paid", "inactive", "beyond_plan_depth", "no_rule_for_type", "not_eligible", "rounds_to_zero"]))

                try Self.decideAndReverse(trial, figures, &random)
                try Self.checkAffiliates(figures, client, &random)
                try Self.checkRankings(figures, client)
                #expect(try client.get("/api/v2/transactions/1").status == 404)
                #expect(try client.get("/api/v2/transactions/1/commissions").status == 404)
                #expect(try client.get("/api/v2/affiliates/1234567/totals").status == 404)
                #expect(try client.get("/api/v2/affiliates/1234567/commissions").status == 404)
                #expect(try trial.reconcile() == [:])
                let metrics = try client.get("/metrics").text
                for route in [
                    "/api/v2/transactions/{id}", "/api/v2/affiliates/{id}/commissions", "/api/v2/affiliates/{id}/totals",
                ] {
                    #expect(metrics.contains("http_requests_total{method=\"GET\",route=\"\(route)\",status=\"200\"}"), "\(route)")
                }
            }
        }

        private static func checkTransaction(_ id: Int64, _ figures: LedgerFigures, _ client: HTTPClient) throws {
            let answer = try client.get("/api/v2/transactions/\(id)")
            let told = try answer.decode(TransactionState.self)
            let upline = told.upline.map { "\($0)" }.joined(separator: ",")
            #expect(
                "\(told.external_transaction_id) \(told.affiliate_id) \(told.type) \(told.amount) \(told.winnings) \(told.currency) {\(upline)}"
                    == (try figures.row(
                        """
                        SELECT external_transaction_id, affiliate_id, transaction_type, amount, winnings, currency, upline
                        FROM fature_v2.transactions WHERE transaction_id = $1
                        """, [.int(id)])),
                "\(answer.text)")
            #expect(told.transaction_id == id && told.status == "processed" && told.reversal == nil)
            let moment = "YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\""
            #expect(
                "\(told.date) \(told.accepted_at)"
                    == (try figures.row(
                        """
                        SELECT to_char(transaction_date AT TIME ZONE 'UTC', '\(moment)'), to_char(accepted_at AT TIME ZONE 'UTC', '\(moment)')
                        FROM fature_v2.transactions WHERE transaction_id = $1
                        """, [.int(id)])))
        }

        /// So that there is something of every status, and something taken back.
        private static func decideAndReverse(_ trial: LedgerTrial, _ figures: LedgerFigures, _ random: inout SeededGenerator)
            throws
        {
            let client = trial.cluster.client("gateway-2")
            for status in ["cancelled", "approved", "disputed", "approved", "paid"] {
                let all = try figures.rows("SELECT transaction_id || '-' || ordinal FROM fature_v2.commissions ORDER BY 1")
                let chosen = Array(all.shuffled(using: &random).prefix(min(1000, all.count / 3)))
                let answer = try client.send(
                    "POST", "/api/v2/commissions/status", ["status": status, "reason": "figures", "commissions": chosen])
                try #require([200, 207].contains(answer.status), "\(answer.text)")
            }
            let ids = try figures.rows("SELECT transaction_id FROM fature_v2.transactions ORDER BY 1").shuffled(using: &random)
            for id in ids.prefix(40) {
                let answer = try client.send("POST", "/api/v2/transactions/\(id)/reverse", ["reason": "figures"])
                try #require(answer.status == 200, "\(answer.text)")
            }
        }

        private static func checkAffiliates(
            _ figures: LedgerFigures, _ client: HTTPClient, _ random: inout SeededGenerator
        ) throws {
            let affiliates = try figures.rows("SELECT affiliate_id FROM fature_v2.affiliates_optimized ORDER BY affiliate_id")
            let earners = try figures.rows(
                "SELECT beneficiary_id FROM fature_v2.commissions GROUP BY beneficiary_id ORDER BY count(*) DESC LIMIT 60")
            var seen: Set<String> = []
            for affiliate in earners + affiliates.shuffled(using: &random).prefix(60) {
                let totals = try client.get("/api/v2/affiliates/\(affiliate)/totals")
                let members = try #require(try JSONSerialization.jsonObject(with: totals.body) as? [String: Any])
                let told = LedgerFigures.totalNames.map { members[$0].map { "\($0)" } ?? "none" }.joined(separator: " ")
                #expect(told == (try figures.runningTotals(Int64(affiliate) ?? 0)), "\(affiliate)")

                let status = ["pending", "approved", "paid", "cancelled", "disputed", nil].randomElement(using: &random) ?? nil
                let moment = try figures.row(
                    "SELECT to_char(percentile_disc(0.5) WITHIN GROUP (ORDER BY created_at) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') FROM fature_v2.commissions"
                )
                let isFrom = Bool.random(using: &random)
                let isTo = !isFrom && Bool.random(using: &random)
                var query = status.map { "&status=\($0)" } ?? ""
                var condition = "beneficiary_id = \(affiliate)" + (status.map { " AND status = '\($0)'" } ?? "")
                if isFrom { query += "&from=\(moment)"; condition += " AND created_at >= '\(moment)'" }
                if isTo { query += "&to=\(moment)"; condition += " AND created_at < '\(moment)'" }
                let counted = status == "cancelled" ? condition : condition + " AND status <> 'cancelled'"
                let wanted = try figures.entries(where: condition)
                let sums = try figures.totals(where: counted)
                var found: [String] = []
                var cursor = ""
                repeat {
                    let limit = Int.random(in: 1...40, using: &random)
                    let answer = try client.get("/api/v2/affiliates/\(affiliate)/commissions?limit=\(limit)\(query)\(cursor)")
                    let page = try answer.decode(CommissionPage.self)
                    #expect("\(page.totals.count) \(page.totals.amount)" == sums, "\(query)")
                    found += page.commissions.map(\.line)
                    for entry in page.commissions { seen.insert(entry.status) }
                    cursor = page.next_cursor.map { "&cursor=\($0)" } ?? ""
                    // What belongs to one list goes on in no other.
                    if !cursor.isEmpty {
                        let other = try client.get("/api/v2/affiliates/\(affiliate)/commissions?to=2999-01-01\(cursor)")
                        #expect(other.status == 400 && other.text.contains("\"field\":\"cursor\""))
                    }
                } while !cursor.isEmpty && found.count <= wanted.count
                #expect(found == wanted, "\(query)")
            }
            #expect(seen == ["pending", "approved", "paid", "cancelled", "disputed"])
        }

        private static func checkRankings(_ figures: LedgerFigures, _ client: HTTPClient) throws {
            for metric in ["volume", "commissions"] {
                for limit in [1000, 7, 1] {
                    let wanted = try figures.ranking(metric, limit: limit)
                    // They are some seconds old.
                    try TestCluster.wait("the ranking by \(metric) is SQL's") {
                        let told = try client.get("/api/v2/rankings?metric=\(metric)&limit=\(limit)").decode(
                            LedgerRankingAnswer.self)
                        return told.metric == metric
                            && told.rankings.map { "\($0.rank) \($0.affiliate_id) \($0.value)" } == wanted
                    }
                    #expect(limit == 1000 ? wanted.count > 10 : wanted.count == limit)
                }
            }
        }
    }
}
