import LoadPlan

/// The scenarios that come with the program: the files of `loadtest/scenarios`.
extension ScenarioFile {
    private static let mission: [(name: String, bytes: [UInt8])] = [
        ("queries-50k", PackageResources.queries_50k_yaml),
        ("mixed", PackageResources.mixed_yaml),
        ("transactions", PackageResources.transactions_yaml),
        ("rebalance-under-load", PackageResources.rebalance_under_load_yaml),
        ("failover-under-load", PackageResources.failover_under_load_yaml),
        ("soak", PackageResources.soak_yaml),
    ]

    package static var names: [String] { mission.map(\.name) }

    /// The file of a scenario that comes with the program; nil: there is none of this name.
    package static func text(named name: String) -> String? {
        mission.first { $0.name == name }.map { String(decoding: $0.bytes, as: UTF8.self) }
    }

    /// - Parameter scenario: the name of one that comes with the program, or the path of a file.
    package static func named(_ scenario: String) throws(LoadFileError) -> Scenario {
        guard let text = text(named: scenario) else {
            let isPath = scenario.contains("/") || scenario.hasSuffix(".yaml") || scenario.hasSuffix(".yml")
            guard isPath else {
                throw LoadFileError(
                    unreadable: scenario,
                    "there is no scenario of this name; there are \(names.joined(separator: ", ")), and files (./\(scenario))")
            }
            return try read(path: scenario)
        }
        return try parse(text, file: "loadtest/scenarios/\(scenario).yaml")
    }
}
