import ClusterSupport
import Foundation
import PostgresClient
import TestServers
import Testing

extension ClusterTests {
    @Suite(.serialized) struct WriteTests {
        @Test("each kind of change is seen at once through the other gateway, and each refusal says why")
        func changes() async throws {
            let cluster = try await TestCluster.start(affiliates: 600, seed: 3)
            try await TestCluster.blocking {
                let scene = try Scene(cluster)
                try scene.joins()
                try scene.refusedJoins()
                try scene.statuses()
                try scene.moves()
                try scene.badFields()
                #expect(try cluster.differences() == [])
            }
        }
    }

    /// Writes through one gateway, reads through the other.
    private struct Scene {
        let cluster: TestCluster
        let writer: HTTPClient
        let reader: HTTPClient
        let connection: PostgresConnection

        init(_ cluster: TestCluster) throws {
            self.cluster = cluster
            writer = cluster.client("gateway-1")
            reader = cluster.client("gateway-2")
            connection = try cluster.connect()
        }

        func read(_ id: Int64) throws -> AffiliateAnswer {
            let answer = try reader.get("/api/v2/affiliates/\(id)")
            #expect(answer.status == 200, "\(answer.text)")
            return try answer.decode(AffiliateAnswer.self)
        }

        func join(_ externalID: String, _ fields: [String: Any?] = [:]) throws -> AffiliateAnswer {
            let all = ["external_id": externalID, "name": "Name of \(externalID)"].merging(fields) { $1 }
            let answer = try writer.send("POST", "/api/v2/affiliates", all)
            #expect(answer.status == 201, "\(answer.text)")
            let joined = try answer.decode(AffiliateAnswer.self)
            #expect(answer.headers["location"] == "/api/v2/affiliates/\(joined.affiliate_id)")
            #expect(try read(joined.affiliate_id) == joined)
            return joined
        }

        func refused(_ answer: HTTPAnswer, _ status: Int, _ type: String, field: String? = nil) throws {
            #expect(answer.status == status, "\(answer.text)")
            #expect(answer.headers["content-type"] == "application/problem+json")
            let problem = try answer.decode(ProblemAnswer.self)
            #expect(problem.type == "/problems/\(type)" && problem.status == status && problem.field == field, "\(answer.text)")
        }

        func joins() throws {
            let parent = TestNetwork.starCentre
            let before = try read(parent)
            let first = try join("new-1", ["parent_affiliate_id": parent, "referral_code": "CODE-1", "status": "inactive"])
            #expect(first.parent_affiliate_id == parent && first.hierarchy_level == 2 && first.status == "inactive")
            #expect(first.hierarchy_path == "\(parent).\(first.affiliate_id)")
            let after = try read(parent)
            #expect(after.direct_referrals_count == before.direct_referrals_count + 1)
            #expect(after.total_network_size == before.total_network_size + 1)

            let chosen = try join(
                "new-2", ["affiliate_id": 4_700_000_000_000_000_001 as Int64, "parent_affiliate_id": first.affiliate_id])
            #expect(chosen.affiliate_id == 4_700_000_000_000_000_001 && chosen.hierarchy_level == 3)
            let below = try join(
                "new-3", ["parent_affiliate_id": chosen.affiliate_id, "registration_date": "2024-02-29T23:59:59.123456Z"])
            #expect(below.hierarchy_level == 4 && below.registration_date == "2024-02-29T23:59:59.123456Z")
            let root = try join("new-root", ["parent_affiliate_id": nil, "name": "Ünï \"q\" \\ 😀"])
            #expect(root.parent_affiliate_id == nil && root.hierarchy_level == 1 && root.hierarchy_path == "\(root.affiliate_id)")
            _ = try join("under-new-root", ["parent_affiliate_id": root.affiliate_id])
            #expect(try read(root.affiliate_id).total_network_size == 1)
            #expect(try read(parent).total_network_size == before.total_network_size + 3)
            let deep = try join("deep", ["parent_affiliate_id": TestNetwork.chainTop + TestNetwork.chainLength - 1])
            #expect(deep.hierarchy_level == Int(TestNetwork.chainLength) + 1)
        }

        func refusedJoins() throws {
            func attempt(_ fields: [String: Any?]) throws -> HTTPAnswer { try writer.send("POST", "/api/v2/affiliates", fields) }
            let size = try read(TestNetwork.starCentre).total_network_size
            for parent in [nil, TestNetwork.starCentre, TestNetwork.chainTop] as [Int64?] {
                try refused(
                    attempt(["external_id": "new-1", "name": "x", "parent_affiliate_id": parent]), 409, "duplicate-external-id")
                try refused(
                    attempt(["external_id": "other", "name": "x", "referral_code": "CODE-1", "parent_affiliate_id": parent]), 409,
                    "duplicate-referral-code")
                try refused(
                    attempt([
                        "external_id": "other", "name": "x", "affiliate_id": TestNetwork.loneRoot, "parent_affiliate_id": parent,
                    ]), 409, "duplicate-affiliate-id")
            }
            try refused(
                attempt(["external_id": "other", "name": "x", "parent_affiliate_id": 600_000_000]), 422, "unknown-parent")
            #expect(try read(TestNetwork.starCentre).total_network_size == size)
        }

        func statuses() throws {
            for (id, status) in [
                (TestNetwork.starCentre, "suspended"), (TestNetwork.starCentre, "active"),
                (TestNetwork.highestReferral, "banned"),
                (TestNetwork.chainTop + 50, "inactive"), (TestNetwork.chainTop + 50, "inactive"),
            ] {
                let answer = try writer.send("PATCH", "/api/v2/affiliates/\(id)", ["status": status])
                #expect(answer.status == 200, "\(answer.text)")
                let changed = try answer.decode(AffiliateAnswer.self)
                #expect(changed.status == status)
                #expect(try read(id) == changed)
            }
            try refused(writer.send("PATCH", "/api/v2/affiliates/600000000", ["status": "active"]), 404, "unknown-affiliate")
        }

        func move(_ id: Int64, under parent: Int64?) throws -> HTTPAnswer {
            try writer.send("POST", "/api/v2/affiliates/\(id)/move", ["new_parent_affiliate_id": parent, "reason": "a test"])
        }

        /// Moves, and looks at everyone concerned through the other gateway.
        func moved(_ id: Int64, under parent: Int64?) throws {
            let before = try read(id)
            let oldParent = try before.parent_affiliate_id.map { try read($0) }
            let newParent = try parent.map { try read($0) }
            let answer = try move(id, under: parent)
            #expect(answer.status == 200, "\(answer.text)")
            #expect(
                try answer.decode(MoveAnswer.self)
                    == MoveAnswer(
                        affiliate_id: id, old_parent_affiliate_id: before.parent_affiliate_id, new_parent_affiliate_id: parent,
                        affiliates_moved: before.total_network_size + 1))
            // The sponsors first: the reader's directory knows them, so nothing sends it to PostgreSQL.
            if let newParent, parent != before.parent_affiliate_id {
                #expect(try read(newParent.affiliate_id).direct_referrals_count == newParent.direct_referrals_count + 1)
            }
            if let oldParent {
                #expect(try read(oldParent.affiliate_id).direct_referrals_count == oldParent.direct_referrals_count - 1)
            }
            let after = try read(id)
            #expect(after.parent_affiliate_id == parent)
            #expect(after.hierarchy_level == (newParent?.hierarchy_level ?? 0) + 1)
            #expect(after.hierarchy_path == (newParent.map { $0.hierarchy_path + "." } ?? "") + "\(id)")
            #expect(after.total_network_size == before.total_network_size)
        }

        func moves() throws {
            let top = TestNetwork.chainTop
            let star = TestNetwork.starCentre
            try moved(top + 100, under: top + 10)
            try moved(top + 100, under: top + 99)
            try moved(top + 90, under: star)
            try moved(top + 90, under: top + 89)
            // To every worker, whoever has it: roots are spread over both.
            let model = try NetworkModel(connection)
            let owned = try cluster.shards(of: "worker-1", connection)
            let here = try #require(model.roots.first { owned.contains(model.affiliates[$0]?.shard ?? -1) && $0 < 1_000_000 })
            let there = try #require(model.roots.first { !owned.contains(model.affiliates[$0]?.shard ?? 0) && $0 < 1_000_000 })
            for target in [here, there, here, there, star] { try moved(top + 20, under: target) }
            try moved(top + 20, under: nil)
            try moved(top + 20, under: top + 19)
            try moved(here, under: there)
            try moved(here, under: nil)
            let unchanged = try move(top + 20, under: top + 19)
            #expect(unchanged.status == 200)
            #expect(try unchanged.decode(MoveAnswer.self).affiliates_moved == 0)
            try refused(move(top + 20, under: top + 20), 409, "cycle")
            try refused(move(top + 20, under: top + 120), 409, "cycle")
            try refused(move(600_000_000, under: top), 404, "unknown-affiliate")
            try refused(move(top + 20, under: 600_000_000), 422, "unknown-parent")
        }

        func badFields() throws {
            let path = "/api/v2/affiliates"
            for (fields, field) in [
                (["name": "x"], "external_id"), (["external_id": "y"], "name"),
                (["external_id": "", "name": "x"], "external_id"),
                (["external_id": "y", "name": "x", "status": "gone"], "status"),
                (["external_id": "y", "name": "x", "parent_affiliate_id": 0], "parent_affiliate_id"),
                (["external_id": "y", "name": "x", "affiliate_id": -4], "affiliate_id"),
                (["external_id": "y", "name": "x", "affiliate_id": "7"], "affiliate_id"),
                (["external_id": "y", "name": 7], "name"), (["external_id": "y", "name": "a\u{0}b"], "name"),
                (["external_id": "y", "name": "x", "referral_code": String(repeating: "c", count: 21)], "referral_code"),
                (["external_id": "y", "name": "x", "registration_date": "yesterday"], "registration_date"),
            ] as [([String: Any?], String)] {
                try refused(writer.send("POST", path, fields), 400, "bad-field", field: field)
            }
            let top = TestNetwork.chainTop
            try refused(writer.send("PATCH", "\(path)/\(top)", [:]), 400, "bad-field", field: "status")
            try refused(writer.send("PATCH", "\(path)/\(top)", ["status": "x"]), 400, "bad-field", field: "status")
            try refused(
                writer.send("POST", "\(path)/\(top)/move", ["reason": "x"]), 400, "bad-field", field: "new_parent_affiliate_id")
            try refused(
                writer.send("POST", "\(path)/\(top)/move", ["new_parent_affiliate_id": 4]), 400, "bad-field", field: "reason")
            try refused(writer.ask("POST", path, body: Data("{".utf8)), 400, "malformed-body")
            try refused(writer.ask("POST", path, body: Data("[]".utf8)), 400, "malformed-body")
        }
    }
}
