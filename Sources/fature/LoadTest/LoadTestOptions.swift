import ArgumentParser
import LoadEngine
import LoadFiles
import LoadPlan

/// Which scenario, changed how.
struct ScenarioOptions: ParsableArguments {
    @Argument(
        help: ArgumentHelp("A scenario of `fature loadtest scenarios` by its name, or a YAML file.", valueName: "scenario"))
    var scenario: String

    @Option(
        help: ArgumentHelp("An objective, beside the scenario's own: 'p99<10ms', 'errors==0', 'lost==0'.", valueName: "objective")
    )
    var slo: [String] = []

    @Option(help: ArgumentHelp("Another seed than the scenario's.", valueName: "n"))
    var seed: UInt64?

    @Option(help: ArgumentHelp("Other connections than the scenario's, in all.", valueName: "n"))
    var connections: Int?

    @Option(help: ArgumentHelp("How many requests wait for answers at most.", valueName: "n"))
    var maxInFlight: Int?

    @Option(
        help: ArgumentHelp(
            "Another length than the scenario's, in seconds: phases are stretched or shortened alike.", valueName: "n"))
    var seconds: Double?

    /// - Throws: `CommandError` with exit status 3.
    func read() throws(CommandError) -> Scenario {
        var scenario: Scenario
        do {
            scenario = try ScenarioFile.named(self.scenario)
        } catch {
            throw CommandError(.setUp, "\(error)")
        }
        if let seed { scenario.seed = seed }
        if let connections {
            guard (1...Scenario.connectionsMax).contains(connections) else {
                throw CommandError(.setUp, "--connections \(connections): give 1 to \(Scenario.connectionsMax)")
            }
            scenario.connections = connections
        }
        if let maxInFlight {
            guard (1...Scenario.maxInFlightMax).contains(maxInFlight) else {
                throw CommandError(.setUp, "--max-in-flight \(maxInFlight): give 1 to \(Scenario.maxInFlightMax)")
            }
            scenario.maxInFlight = maxInFlight
        }
        if let seconds {
            guard seconds > 0, seconds <= Scenario.secondsMax, scenario.seconds > 0 else {
                throw CommandError(.setUp, "--seconds \(seconds): give more than 0, and at most \(Int(Scenario.secondsMax))")
            }
            scenario = scenario.lasting(seconds: seconds)
        }
        for text in slo {
            do {
                scenario.objectives.append(try Objective(text, operations: scenario.operations.map(\.name)))
            } catch {
                throw CommandError(.setUp, "--slo '\(text)': \(error)")
            }
        }
        return scenario
    }
}

/// Where the load goes, and how what it did is checked.
struct LoadTargetOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "The gateway: http://HOST:PORT or https://HOST:PORT (default: that of --data-dir).", valueName: "url"))
    var target: String?

    @Option(
        help: ArgumentHelp("PEM file of the authorities that are trusted with https, instead of the system's.", valueName: "file")
    )
    var caFile: String?

    @OptionGroup var location: ClusterLocation

    func read() throws(CommandError) -> LoadTarget {
        let text: String
        if let target {
            text = target
        } else {
            guard let state = try location.stateIfAny() else {
                throw CommandError(
                    .setUp,
                    "no cluster in \(location.directory.path); start one with `fature up --demo`, or name a gateway with --target"
                )
            }
            text = state.gatewayURL
        }
        do { return try LoadTarget(text, caFile: caFile) } catch { throw CommandError(.setUp, error.description) }
    }
}

extension Scenario {
    /// The same load, stretched or shortened; so are the moments of its events.
    func lasting(seconds wanted: Double) -> Scenario {
        let factor = wanted / seconds
        var other = self
        for index in phases.indices {
            other.phases[index].seconds *= factor
            if case .spike(let base, let peak, let at, let length) = phases[index].shape {
                other.phases[index].shape = .spike(base: base, peak: peak, atSeconds: at * factor, forSeconds: length * factor)
            }
        }
        for index in events.indices { other.events[index].atSeconds *= factor }
        return other
    }
}
