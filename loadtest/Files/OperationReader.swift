import LoadPlan
import YAMLFiles

/// Reads one operation of a scenario.
enum OperationReader {
    /// What can be done, with the fields of each beside `name`, `do`, `weight` and `expect`.
    private static let kinds: [(name: String, fields: [String])] = [
        ("network", ["depth", "limit"]), ("upline", []), ("affiliate", []), ("rankings", ["metric", "limit"]), ("join", []),
        ("move", []), ("transactions", ["batch", "bets"]), ("get", ["path"]),
    ]
    private static let shared = ["name", "do", "weight", "expect"]

    static func operation(_ node: YAMLNode, _ path: String) throws(FieldFault) -> WeightedOperation {
        let all = try ScenarioFields(node, path: path, known: shared + Set(kinds.flatMap(\.fields)).sorted())
        let kind = try all.required("do", "one of \(kinds.map(\.name).joined(separator: ", "))") { $0 }
        guard let known = kinds.first(where: { $0.name == kind }) else {
            throw FieldFault(
                all.path("do"),
                "'\(kind.prefix(80))' is nothing we can do; \(Suggestion.text(for: kind, among: kinds.map(\.name)))",
                line: all.node("do")?.line)
        }
        let fields = try ScenarioFields(node, path: path, known: shared + known.fields)
        return WeightedOperation(
            name: try fields.optional("name", "a name for the report") { $0 } ?? kind, operation: try operation(kind, fields),
            weight: try fields.required("weight", "how often it is chosen, beside the others' weights, as in 10") {
                Quantities.decimal($0)
            },
            expectedStatuses: try fields.list("expect", "a status such as 409") {
                Quantities.whole($0).flatMap { Int(exactly: $0) }
            }
                ?? [])
    }

    private static func operation(_ kind: String, _ fields: ScenarioFields) throws(FieldFault) -> LoadOperation {
        switch kind {
        // Left out, they are what the gateway takes them to be.
        case "network": return .network(depth: try fields.whole("depth") ?? 5, limit: try fields.whole("limit") ?? 50)
        case "upline": return .upline
        case "affiliate": return .affiliate
        case "rankings":
            return .rankings(
                metric: try fields.required("metric", "one of \(Scenario.rankingMetrics.joined(separator: ", "))") { $0 },
                limit: try fields.whole("limit") ?? 10)
        case "join": return .join
        case "move": return .move
        case "transactions":
            let bets = try fields.optional("bets", "which part are bets, in whole percent, as in 70%") { text in
                text.last == "%" ? Quantities.whole(text.dropLast()).flatMap { Int(exactly: $0) } : nil
            }
            return .transactions(batch: try fields.whole("batch") ?? 1, betsPercent: bets ?? 50)
        default: return .path(try fields.required("path", "a path, as in /ready") { $0 })
        }
    }
}
