import Core

/// Makes the requests of a run. A request follows from the scenario, the network and its number alone: whoever makes it, in whatever order.
///
/// Making one allocates nothing. A copy shares nothing that changes.
package struct RequestMaker: Sendable {
    package let runName: String
    private let seed: UInt64
    private let templates: [RequestTemplate]
    private let words: [UInt8]
    /// `lt-RUN-`: what the external ids of the run begin with.
    private let idPrefix: [UInt8]
    private let everybody: RankedMembers?
    /// Transactions of others are refused.
    private let active: RankedMembers?
    /// Who can have somebody put below: not the leaves that moves take, so that no move makes a circle.
    private let sponsors: RankedMembers?
    /// In the order in which moves take them, each once before one comes again.
    private let leaves: [RankedMembers.Choice]

    /// The largest amount of a transaction, minor units.
    package static let amountMinorMax = 500_000
    package static let runNameCharactersMax = 64

    /// - Parameters:
    ///   - population: whom requests are about; may be empty if no operation is about anybody.
    ///   - runName: no other run against the same cluster may have had it: external ids are made of it. 1 to 64 of A–Z, a–z, 0–9, `_`, `.` and `-`.
    /// - Throws: when the network has nobody for an operation, or no such hot root.
    package init(_ scenario: Scenario, _ population: Population, runName: String) throws(LoadPlanError) {
        guard (1...Self.runNameCharactersMax).contains(runName.utf8.count), runName.utf8.allSatisfy(Self.isNameByte) else {
            throw LoadPlanError(
                .runName,
                "the run's name '\(runName)' does not fit into external ids; give 1 to \(Self.runNameCharactersMax) of A-Z a-z 0-9 _ . -"
            )
        }
        self.runName = runName
        seed = scenario.seed
        idPrefix = Array("lt-\(runName)-".utf8)
        let text = ByteBuilder()
        let templates = RequestTemplate.templates(of: scenario.operations, words: text)
        self.templates = templates
        words = Array(text.bytes)

        let choice = scenario.affiliates
        let kinds = Set(templates.map(\.kind))
        let dealt = kinds == [.path] ? [] : population.dealt(seed: scenario.seed)
        if choice.hotShare > 0, !dealt.isEmpty, !dealt.contains(where: { $0.root == choice.hotRoot }) {
            throw LoadPlanError(
                .noHotRoot,
                "no affiliate stands below root \(choice.hotRoot.map(String.init) ?? "(none given)"); name another hot_root, or none"
            )
        }
        func ranked(_ kinds: Set<RequestTemplate.Kind>, _ who: String, _ fits: (Population.Member) -> Bool) throws(LoadPlanError)
            -> RankedMembers?
        {
            guard let place = templates.firstIndex(where: { kinds.contains($0.kind) }) else { return nil }
            let members = dealt.filter(fits)
            guard !members.isEmpty else {
                throw LoadPlanError(
                    .nobody,
                    "the network has no \(who) for the operation '\(scenario.operations[place].name)'; import one (fature import)"
                )
            }
            return RankedMembers(members, choice)
        }
        let isAllLeaves = dealt.allSatisfy(\.isLeaf)
        everybody = try ranked([.affiliate], "affiliate") { _ in true }
        active = try ranked([.transactions], "active affiliate") { $0.isActive }
        sponsors = try ranked([.join, .move], "affiliate") { isAllLeaves || !$0.isLeaf }
        leaves = try ranked([.move], "leaf") { $0.isLeaf }?.choices ?? []
        if isAllLeaves, dealt.count == 1, kinds.contains(.move) {
            throw LoadPlanError(.nobody, "nobody can be moved in a network of one affiliate; import a larger one (fature import)")
        }
    }

    // MARK: Requests

    /// Writes request `number` in place of what `request` held.
    package mutating func make(_ number: Int, into request: inout PlannedRequest) {
        var scatter = Scatter(seed: seed, stream: Streams.request, number: number)
        let operation = operation(&scatter)
        request.operation = operation
        request.shard = nil
        let path = request.path
        path.removeAll()
        request.body.removeAll()
        let template = templates[operation]
        switch template.kind {
        case .affiliate:
            request.isPost = false
            guard let choice = everybody?.pick(&scatter) else { return }
            request.shard = Int(choice.shard)
            path.append("/api/v2/affiliates/" as StaticString)
            path.appendDecimal(choice.id)
            appendWords(template, to: path)
        case .path:
            request.isPost = false
            appendWords(template, to: path)
        case .join:
            request.isPost = true
            path.append("/api/v2/affiliates" as StaticString)
            makeJoin(number, &scatter, &request)
        case .move:
            request.isPost = true
            makeMove(number, &scatter, &request)
        case .transactions:
            request.isPost = true
            path.append("/api/v2/transactions" as StaticString)
            makeTransactions(number, template, &request)
        }
    }

    /// Which operation request `number` is, by its place in the scenario.
    package func operation(of number: Int) -> Int {
        var scatter = Scatter(seed: seed, stream: Streams.request, number: number)
        return operation(&scatter)
    }

    private func operation(_ scatter: inout Scatter) -> Int {
        if templates.count == 1 { return 0 }
        let draw = scatter.next()
        var place = 0
        while place < templates.count - 1, draw >= templates[place].drawsBelow { place += 1 }
        return place
    }

    private func appendWords(_ template: RequestTemplate, to builder: ByteBuilder) {
        guard !template.words.isEmpty else { return }
        words.withUnsafeBytes { builder.append(UnsafeRawBufferPointer(rebasing: $0[template.words])) }
    }

    // MARK: Changes

    private func makeJoin(_ number: Int, _ scatter: inout Scatter, _ request: inout PlannedRequest) {
        guard let sponsor = sponsors?.pick(&scatter) else { return }
        request.shard = Int(sponsor.shard)
        request.body.append("{\"external_id\":\"" as StaticString)
        appendIDPrefix(to: request.body)
        request.body.appendDecimal(number)
        request.body.append("\",\"name\":\"Load test\",\"parent_affiliate_id\":" as StaticString)
        request.body.appendDecimal(sponsor.id)
        request.body.append(UInt8(ascii: "}"))
    }

    private func makeMove(_ number: Int, _ scatter: inout Scatter, _ request: inout PlannedRequest) {
        guard let sponsors, !leaves.isEmpty else { return }
        let leaf = leaves[number % leaves.count]
        var sponsor = sponsors.pick(&scatter)
        // In a network of leaves alone somebody could be put below himself.
        while sponsor.id == leaf.id { sponsor = sponsors.choices[scatter.below(sponsors.choices.count)] }
        request.shard = Int(leaf.shard)
        request.path.append("/api/v2/affiliates/" as StaticString)
        request.path.appendDecimal(leaf.id)
        request.path.append("/move" as StaticString)
        request.body.append("{\"new_parent_affiliate_id\":" as StaticString)
        request.body.appendDecimal(sponsor.id)
        request.body.append(",\"reason\":\"load test\"}" as StaticString)
    }

    // MARK: Transactions

    private struct Facts {
        var affiliate: RankedMembers.Choice
        var isBet: Bool
        var amount: Int
        var winnings: Int
    }

    private func facts(_ number: Int, item: Int, betsPercent: Int) -> Facts? {
        var scatter = Scatter(seed: seed, stream: Streams.items &+ UInt64(item), number: number)
        guard let affiliate = active?.pick(&scatter) else { return nil }
        let isBet = scatter.below(100) < betsPercent
        let amount = 1 + scatter.below(Self.amountMinorMax)
        // Every other bet is lost.
        let isWon = isBet && scatter.below(2) == 0
        return Facts(affiliate: affiliate, isBet: isBet, amount: amount, winnings: isWon ? scatter.below(2 * amount) : 0)
    }

    private func makeTransactions(_ number: Int, _ template: RequestTemplate, _ request: inout PlannedRequest) {
        let json = request.body
        for item in 0..<template.batch {
            guard let facts = facts(number, item: item, betsPercent: template.betsPercent) else { return }
            if template.batch == 1 {
                request.shard = Int(facts.affiliate.shard)
            } else {
                json.append(item == 0 ? UInt8(ascii: "[") : UInt8(ascii: ","))
            }
            json.append("{\"affiliate_id\":" as StaticString)
            json.appendDecimal(facts.affiliate.id)
            json.append(
                facts.isBet ? ",\"type\":\"bet\",\"amount\":\"" as StaticString : ",\"type\":\"deposit\",\"amount\":\"")
            json.append(Money(minorUnits: Int64(facts.amount)))
            if facts.winnings > 0 {
                json.append("\",\"winnings\":\"" as StaticString)
                json.append(Money(minorUnits: Int64(facts.winnings)))
            }
            json.append("\",\"external_transaction_id\":\"" as StaticString)
            appendIDPrefix(to: json)
            json.appendDecimal(number)
            json.append(UInt8(ascii: "-"))
            json.appendDecimal(item)
            json.append("\"}" as StaticString)
        }
        if template.batch > 1 { json.append(UInt8(ascii: "]")) }
    }

    private func appendIDPrefix(to builder: ByteBuilder) { idPrefix.withUnsafeBytes { builder.append($0) } }

    /// How many transactions request `number` sends; 0: it sends something else.
    package func transactionCount(of number: Int) -> Int { templates[operation(of: number)].batch }

    /// What transaction `item`, from 0, of request `number` says. The request must send that many (`transactionCount`).
    package func transaction(_ number: Int, item: Int) -> PlannedTransaction {
        let template = templates[operation(of: number)]
        guard item >= 0, item < template.batch, let facts = facts(number, item: item, betsPercent: template.betsPercent) else {
            preconditionFailure("request \(number) sends no transaction \(item)")
        }
        return PlannedTransaction(
            affiliate: facts.affiliate.id, type: facts.isBet ? .bet : .deposit, amount: Money(minorUnits: Int64(facts.amount)),
            winnings: Money(minorUnits: Int64(facts.winnings)), externalID: "lt-\(runName)-\(number)-\(item)")
    }

    /// The affiliate that request `number` asks about; nil: it asks about none.
    package func affiliate(askedBy number: Int) -> Int64? {
        var scatter = Scatter(seed: seed, stream: Streams.request, number: number)
        guard templates[operation(&scatter)].kind == .affiliate else { return nil }
        return everybody?.pick(&scatter).id
    }

    /// What the external ids of this run's transactions and joins begin with.
    package var externalIDPrefix: String { "lt-\(runName)-" }

    /// The place of the transaction with this external id; nil: it is none of this run's.
    package func place(ofExternalID id: String) -> TransactionPlace? {
        guard id.utf8.starts(with: idPrefix) else { return nil }
        let parts = id.utf8.dropFirst(idPrefix.count).split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard parts.count == 2, let number = Self.number(parts[0]), let item = Self.number(parts[1]),
            item < transactionCount(of: number)
        else { return nil }
        return TransactionPlace(number: number, item: item)
    }

    /// Only as it is written here: no sign, no zeros before it.
    private static func number(_ digits: Substring.UTF8View) -> Int? {
        guard let value = Int(String(Substring(digits))), value >= 0, String(value).utf8.elementsEqual(digits) else { return nil }
        return value
    }

    private static func isNameByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
            UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}
