import Foundation

/// What `fature up` prints once the cluster answers.
struct Announcement {
    let state: ClusterState
    let directory: DataDirectory

    func print() {
        Console.answer("")
        Console.answer("ready: \(state.gatewayURL) (HTTP/2 with prior knowledge and HTTP/1.1)")
        Console.answer("health \(state.gatewayURL)/health   metrics \(state.gatewayURL)/metrics   logs \(directory.logs)")
        if let administration = state.administration {
            Console.answer(
                "operators: \(administration.url) (`fature rebalance`, `worker`, `shard`: --admin-url), token \(directory.tokenFile)"
            )
        }
        if let id = widestAffiliate() {
            let address = "\(state.gatewayURL)/api/v2/affiliates/\(id)"
            Console.answer("try:   curl '\(address)/network?depth=1&limit=0'")
            // Only where that program is: it comes with nghttp2-client, which nothing else here needs.
            if Programs().find("h2load") != nil { Console.answer("       h2load -n 100000 -c 4 -m 100 '\(address)'") }
        } else {
            Console.answer(
                "There are no affiliates yet: `fature import affiliates FILE.csv`, or `fature up --demo` for a demo network.")
        }
        Console.answer("")
    }

    /// A real id to try things with, asked of the cluster itself.
    private func widestAffiliate() -> Int64? {
        guard
            let answer = LoopbackClient.get(
                host: state.gatewayHost, port: state.gatewayPort, path: "/api/v2/rankings?metric=direct_referrals&limit=1",
                timeoutMilliseconds: 5000),
            answer.status == 200, let rankings = try? JSONDecoder().decode(Rankings.self, from: Data(answer.body.utf8))
        else { return nil }
        return rankings.rankings.first?.affiliate_id
    }

    private struct Rankings: Decodable {
        struct Entry: Decodable { let affiliate_id: Int64 }
        let rankings: [Entry]
    }
}
