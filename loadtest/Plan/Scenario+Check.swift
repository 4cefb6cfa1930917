/// What every scenario keeps to, from whatever file or flags it comes.
extension Scenario {
    package static let nameCharactersMax = 64
    package static let textCharactersMax = 1000
    package static let phasesMax = 1000
    package static let operationsMax = 64
    package static let eventsMax = 1000
    package static let objectivesMax = 100
    package static let sampledAnswersMax = 100_000
    package static let timeoutMillisecondsMax = 600_000
    package static let stepsMax = 10_000

    /// Throws the first fault.
    package func check() throws(ScenarioFault) {
        guard Self.isName(name) else { throw ScenarioFault("name", "'\(name)' is no name; \(Self.nameText)") }
        guard summary.count <= Self.textCharactersMax else {
            throw ScenarioFault("summary", "a summary has at most \(Self.textCharactersMax) characters")
        }
        try Self.within("warm_up", warmUpSeconds, 0...Self.secondsMax, "seconds")
        try checkPhases()
        try checkOperations()
        try checkAffiliates()
        try Self.within("connections", connections, 1...Self.connectionsMax)
        try Self.within("max_in_flight", maxInFlight, 1...Self.maxInFlightMax)
        try Self.within("timeout", timeoutMilliseconds, 1...Self.timeoutMillisecondsMax, "milliseconds")
        try Self.within("sampled_answers", sampledAnswers, 0...Self.sampledAnswersMax)
        try Self.within("limits.slip_p99", limits.slipP99Microseconds, 1...60_000_000, "microseconds")
        try Self.within("limits.generator_cpu", limits.cpuShare, 0.01...1)
        try checkEvents()
        try checkObjectives()
    }

    static func within<Value: Comparable>(
        _ field: String, _ value: Value, _ range: ClosedRange<Value>, _ unit: String = ""
    ) throws(ScenarioFault) {
        guard !range.contains(value) else { return }
        let unit = unit.isEmpty ? "" : " \(unit)"
        throw ScenarioFault(
            field, "\(plain(value)) is out of range; give \(plain(range.lowerBound)) to \(plain(range.upperBound))\(unit)")
    }

    /// `604800` and not `604800.0`.
    private static func plain(_ value: some Comparable) -> String {
        if let number = value as? Double, number == number.rounded(), number.magnitude < 1e15 { return "\(Int(number))" }
        return "\(value)"
    }

    private static let nameText = "write 1 to \(nameCharactersMax) of A-Z a-z 0-9 _ . -"

    private static func isName(_ name: String) -> Bool {
        (1...nameCharactersMax).contains(name.utf8.count)
            && name.unicodeScalars.allSatisfy {
                $0.isASCII && ($0.properties.isAlphabetic || "0123456789_.-".unicodeScalars.contains($0))
            }
    }

    private func checkAffiliates() throws(ScenarioFault) {
        try Self.within("affiliates.zipf", affiliates.zipf, 0...Zipf.exponentMax)
        try Self.within("affiliates.hot_share", affiliates.hotShare, 0...1)
        if affiliates.hotShare > 0, affiliates.hotRoot == nil {
            throw ScenarioFault("affiliates.hot_share", "there is no hot_root whose tree gets this share; name one")
        }
        guard let root = affiliates.hotRoot else { return }
        try Self.within("affiliates.hot_root", root, 1...Int64.max)
        guard affiliates.hotShare > 0 else {
            throw ScenarioFault("affiliates.hot_root", "its share is missing; write hot_share, as in 20%")
        }
    }

    private func checkEvents() throws(ScenarioFault) {
        guard events.count <= Self.eventsMax else {
            throw ScenarioFault("events", "there are \(events.count) events; at most \(Self.eventsMax) are read")
        }
        for (index, event) in events.enumerated() {
            try Self.within("events[\(index)].at", event.atSeconds, 0...seconds, "seconds, the length of all phases")
            guard !event.label.isEmpty, event.label.count <= Self.textCharactersMax else {
                throw ScenarioFault("events[\(index)].label", "a label has 1 to \(Self.textCharactersMax) characters")
            }
            if let command = event.command, command.first?.isEmpty ?? true {
                throw ScenarioFault("events[\(index)].command", "write a program and its arguments, as in [kill, -STOP, 123]")
            }
        }
    }

    private func checkObjectives() throws(ScenarioFault) {
        guard objectives.count <= Self.objectivesMax else {
            throw ScenarioFault(
                "objectives", "there are \(objectives.count) objectives; at most \(Self.objectivesMax) are judged")
        }
        for (index, objective) in objectives.enumerated() {
            guard let operation = objective.operation, !operations.contains(where: { $0.name == operation }) else { continue }
            throw ScenarioFault(
                "objectives[\(index)]",
                "'\(objective.text)': there is no operation '\(operation)'; there are "
                    + operations.map(\.name).joined(separator: ", "))
        }
    }

    // MARK: Operations

    private func checkOperations() throws(ScenarioFault) {
        guard (1...Self.operationsMax).contains(operations.count) else {
            throw ScenarioFault("operations", "there are \(operations.count) operations; write 1 to \(Self.operationsMax)")
        }
        var names: Set<String> = []
        for (index, weighted) in operations.enumerated() {
            let field = "operations[\(index)]"
            guard Self.isName(weighted.name), !weighted.name.contains(".") else {
                throw ScenarioFault("\(field).name", "'\(weighted.name)' is no name; \(Self.nameText), but no point")
            }
            guard Objective.metric(weighted.name) == nil else {
                throw ScenarioFault("\(field).name", "'\(weighted.name)' means something in objectives; choose another name")
            }
            guard names.insert(weighted.name).inserted else {
                throw ScenarioFault(
                    "\(field).name", "there are two operations '\(weighted.name)'; give one of them another name")
            }
            try Self.within("\(field).weight", weighted.weight, 0...1e9)
            for status in weighted.expectedStatuses {
                guard (400...499).contains(status) else {
                    throw ScenarioFault("\(field).expect", "\(status) cannot be expected; give statuses from 400 to 499")
                }
            }
            try Self.check(weighted.operation, field)
        }
        guard operations.contains(where: { $0.weight > 0 }) else {
            throw ScenarioFault("operations", "all weights are 0: nothing would be sent; give one of them a weight")
        }
    }

    private static func check(_ operation: LoadOperation, _ field: String) throws(ScenarioFault) {
        switch operation {
        case .network(let depth, let limit):
            try within("\(field).depth", depth, 1...1_000_000)
            try within("\(field).limit", limit, 0...1000)
        case .rankings(let metric, let limit):
            guard rankingMetrics.contains(metric) else {
                throw ScenarioFault(
                    "\(field).metric", "there is no ranking by '\(metric)'; there are \(rankingMetrics.joined(separator: ", "))")
            }
            try within("\(field).limit", limit, 1...1000)
        case .transactions(let batch, let betsPercent):
            try within("\(field).batch", batch, 1...1000)
            try within("\(field).bets", betsPercent, 0...100, "percent")
        case .path(let path):
            guard path.utf8.first == UInt8(ascii: "/"), path.utf8.count <= 4096, path.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F })
            else {
                throw ScenarioFault(
                    "\(field).path", "'\(path.prefix(80))' is no path; write up to 4096 printable ASCII characters from / on")
            }
        case .upline, .affiliate, .join, .move: break
        }
    }

    /// What the gateway ranks by.
    package static let rankingMetrics = ["direct_referrals", "network_size", "volume", "commissions"]
}
