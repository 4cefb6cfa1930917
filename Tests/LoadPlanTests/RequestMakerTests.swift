import Core
import Foundation
import LoadPlan
import Testing

private let everything: [WeightedOperation] = [
    WeightedOperation(name: "network", operation: .network(depth: 5, limit: 50), weight: 40),
    WeightedOperation(name: "upline", operation: .upline, weight: 20),
    WeightedOperation(name: "affiliate", operation: .affiliate, weight: 10),
    WeightedOperation(name: "rankings", operation: .rankings(metric: "network_size", limit: 10), weight: 5),
    WeightedOperation(name: "join", operation: .join, weight: 5),
    WeightedOperation(name: "move", operation: .move, weight: 5),
    WeightedOperation(name: "one", operation: .transactions(batch: 1, betsPercent: 50), weight: 5),
    WeightedOperation(name: "many", operation: .transactions(batch: 7, betsPercent: 100), weight: 5),
    WeightedOperation(name: "ready", operation: .path("/ready"), weight: 5),
]

private func maker(_ operations: [WeightedOperation] = everything, roots: Int = 30, seed: UInt64 = 1) throws -> RequestMaker {
    var scenario = Scenario(name: "t", phases: [], operations: operations)
    scenario.seed = seed
    scenario.affiliates.zipf = 0.9
    return try RequestMaker(scenario, population(roots: roots), runName: "r1")
}

private func text(_ builder: ByteBuilder) -> String { String(decoding: builder.bytes, as: UTF8.self) }

private func json(_ builder: ByteBuilder) throws -> Any { try JSONSerialization.jsonObject(with: Data(builder.bytes)) }

@Suite("Requests")
struct RequestMakerTests {
    @Test("whom a request asks about is known by its number, too; most requests ask about nobody in particular")
    func askedAffiliate() throws {
        var maker = try maker()
        var request = PlannedRequest.made()
        var asked = 0
        for number in 0..<2000 {
            maker.make(number, into: &request)
            let parts = text(request.path).split(separator: "/")
            let isQuery = !request.isPost && parts.starts(with: ["api", "v2", "affiliates"])
            #expect(maker.affiliate(askedBy: number) == (isQuery ? Int64(parts[3]) : nil), "\(text(request.path))")
            asked += isQuery ? 1 : 0
        }
        #expect(asked > 1000)
    }

    @Test("a request follows from the seed and its number alone, in whatever order requests are made")
    func order() throws {
        var first = try maker()
        var second = try maker()
        let request = PlannedRequest.made()
        var forward: [String] = []
        for number in 0..<2000 {
            var made = request
            first.make(number, into: &made)
            forward.append(
                "\(made.operation) \(made.isPost) \(String(describing: made.shard)) \(text(made.path)) \(text(made.body))")
        }
        for number in (0..<2000).reversed() {
            var made = request
            second.make(number, into: &made)
            #expect(
                forward[number]
                    == "\(made.operation) \(made.isPost) \(String(describing: made.shard)) \(text(made.path)) \(text(made.body))")
        }
        var other = try maker(seed: 2)
        var made = request
        let differing = (0..<2000).count { number in
            other.make(number, into: &made)
            return !forward[number].hasSuffix("\(text(made.path)) \(text(made.body))")
        }
        #expect(differing > 1500)
    }

    @Test("operations come as often as their weights say")
    func weights() throws {
        let maker = try maker()
        let draws = 200_000
        var seen = [Int](repeating: 0, count: everything.count)
        for number in 0..<draws { seen[maker.operation(of: number)] += 1 }
        for (place, weighted) in everything.enumerated() {
            let wanted = weighted.weight / 100 * Double(draws)
            #expect(abs(Double(seen[place]) - wanted) < 5 * wanted.squareRoot(), "\(weighted.name)")
        }
    }

    @Test("an operation of weight 0 never comes, wherever it stands", arguments: [0, 1, 2])
    func weightless(place: Int) throws {
        var operations = Array(everything[0..<3])
        operations[place].weight = 0
        let maker = try maker(operations)
        for number in 0..<5000 { #expect(maker.operation(of: number) != place) }
    }

    @Test("queries have the paths that the gateway takes, and the shard of the affiliate they are about")
    func queries() throws {
        var maker = try maker()
        var made = PlannedRequest()
        for number in 0..<3000 {
            maker.make(number, into: &made)
            let path = text(made.path)
            #expect(made.operation == maker.operation(of: number))
            switch made.operation {
            case 0...2:
                let pattern = [
                    #/^/api/v2/affiliates/([0-9]+)/network\?depth=5&limit=50$/#, #/^/api/v2/affiliates/([0-9]+)/upline$/#,
                    #/^/api/v2/affiliates/([0-9]+)$/#,
                ][made.operation]
                let id = Int(try #require(path.firstMatch(of: pattern)).output.1) ?? 0
                #expect(made.shard == (id - 1) / 10 % 8)
            case 3: #expect(path == "/api/v2/rankings?metric=network_size&limit=10" && made.shard == nil)
            case 8: #expect(path == "/ready" && made.shard == nil)
            default: continue
            }
            #expect(!made.isPost && made.body.count == 0)
        }
    }

    @Test("joins have an external id of their own and a sponsor who is no leaf")
    func joins() throws {
        var maker = try maker([everything[4]])
        var made = PlannedRequest()
        for number in 0..<500 {
            maker.make(number, into: &made)
            let fields = try #require(json(made.body) as? [String: Any])
            #expect(made.isPost && text(made.path) == "/api/v2/affiliates")
            #expect(fields["external_id"] as? String == "lt-r1-\(number)" && fields["name"] as? String == "Load test")
            #expect(((try #require(fields["parent_affiliate_id"] as? Int) - 1) % 10) <= 2)
        }
    }

    @Test("moves take each leaf once before any comes again, and put it below somebody who is no leaf")
    func moves() throws {
        var maker = try maker([everything[5]])
        var made = PlannedRequest()
        var moved: Set<Substring> = []
        for number in 0..<210 {
            maker.make(number, into: &made)
            let path = text(made.path)
            let leaf = try #require(path.firstMatch(of: #/^/api/v2/affiliates/([0-9]+)/move$/#)).output.1
            #expect((try #require(Int(leaf)) - 1) % 10 > 2)
            #expect(moved.insert(leaf).inserted)
            let fields = try #require(json(made.body) as? [String: Any])
            #expect(((try #require(fields["new_parent_affiliate_id"] as? Int) - 1) % 10) <= 2)
            #expect(fields["reason"] as? String == "load test")
        }
        #expect(moved.count == 210)
    }

    @Test("what a request of transactions says is what `transaction` says of it afterwards", arguments: [6, 7])
    func transactions(place: Int) throws {
        var maker = try maker([everything[place]])
        let batch = place == 6 ? 1 : 7
        var made = PlannedRequest()
        var bets = 0
        for number in 0..<400 {
            maker.make(number, into: &made)
            #expect(made.isPost && text(made.path) == "/api/v2/transactions")
            let body = try json(made.body)
            let items = try #require(batch == 1 ? [body as? [String: Any] ?? [:]] : body as? [[String: Any]])
            #expect(items.count == batch && maker.transactionCount(of: number) == batch)
            for (item, fields) in items.enumerated() {
                let planned = maker.transaction(number, item: item)
                #expect(fields["affiliate_id"] as? Int64 == planned.affiliate && (planned.affiliate - 1) % 5 != 4)
                #expect(fields["type"] as? String == "\(planned.type.name)")
                #expect(fields["amount"] as? String == "\(planned.amount)" && planned.amount > .zero)
                #expect(fields["winnings"] as? String == (planned.winnings > .zero ? "\(planned.winnings)" : nil))
                #expect(fields["external_transaction_id"] as? String == "lt-r1-\(number)-\(item)")
                #expect(planned.externalID == "lt-r1-\(number)-\(item)")
                #expect(maker.place(ofExternalID: planned.externalID) == TransactionPlace(number: number, item: item))
                #expect(Set(fields.keys).isSubset(of: ["affiliate_id", "type", "amount", "winnings", "external_transaction_id"]))
                if planned.type == .bet { bets += 1 } else { #expect(planned.winnings == .zero) }
            }
        }
        if batch == 1 { #expect((130...270).contains(bets)) } else { #expect(bets == 2800) }
    }

    @Test(
        "an external id of another run, of no such item or written otherwise has no place",
        arguments: [
            "lt-r2-1-0", "lt-r1-1-7", "lt-r1-1", "lt-r1-1-", "lt-r1-01-0", "lt-r1-+1-0", "lt-r1--1-0", "lt-r1-1-0-0", "",
            "lt-r1-9999999999999999999-0",
        ])
    func foreign(id: String) throws {
        #expect(try maker([everything[7]]).place(ofExternalID: id) == nil)
    }

    @Test("what a network cannot serve is refused before any load, with what to do")
    func refusals() throws {
        func refusal(_ operation: Int, _ members: [Population.Member], hotRoot: Int64? = nil, runName: String = "r")
            -> LoadPlanError?
        {
            var scenario = Scenario(name: "t", phases: [], operations: [everything[operation]])
            scenario.affiliates = AffiliateChoice(hotRoot: hotRoot, hotShare: hotRoot == nil ? 0 : 0.5)
            do {
                _ = try RequestMaker(scenario, Population(members), runName: runName)
                return nil
            } catch {
                return error
            }
        }
        let root = Population.Member(id: 1, root: 1, shard: 0, isActive: false, isLeaf: false)
        let leaf = Population.Member(id: 2, root: 1, shard: 0, isActive: true, isLeaf: true)
        #expect(refusal(0, [])?.code == .nobody)
        #expect(refusal(0, [root]) == nil)
        #expect(refusal(6, [root])?.description.contains("no active affiliate for the operation 'one'") == true)
        #expect(refusal(5, [root])?.code == .nobody)
        #expect(refusal(5, [leaf])?.code == .nobody)
        #expect(refusal(5, [root, leaf]) == nil)
        #expect(refusal(0, [root], hotRoot: 5)?.code == .noHotRoot)
        #expect(refusal(0, [root], hotRoot: 1) == nil)
        #expect(refusal(8, []) == nil)
        #expect(refusal(8, [], runName: "")?.code == .runName)
        #expect(refusal(8, [], runName: "a b")?.code == .runName)
        #expect(refusal(8, [], runName: "2026-11-21") == nil)
        #expect(refusal(8, [], runName: String(repeating: "a", count: 65))?.code == .runName)
    }
}

extension PlannedRequest {
    fileprivate static func made() -> PlannedRequest { PlannedRequest() }
}
