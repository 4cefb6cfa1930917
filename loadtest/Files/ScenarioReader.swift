import LoadPlan
import YAMLFiles

/// Makes a scenario of the nodes of a file.
struct ScenarioReader {
    /// The offsets of the files that phases replay, by the names that the scenario gives them.
    var recorded: [String: [UInt64]]

    private static let fieldNames = [
        "name", "summary", "seed", "warm_up", "phases", "operations", "affiliates", "connections", "max_in_flight", "timeout",
        "events", "limits", "objectives", "sampled_answers",
    ]

    func scenario(_ node: YAMLNode) throws(FieldFault) -> Scenario {
        let fields = try ScenarioFields(node, path: "", known: Self.fieldNames)
        for name in ["name", "phases", "operations"] where fields.node(name) == nil {
            throw FieldFault(name, "the field is missing; every scenario has name, phases and operations", line: fields.line)
        }
        let name = try fields.required("name", "a name") { $0 }
        var phases: [Phase] = []
        for item in try fields.items("phases", "a phase with name, length, shape") {
            phases.append(try phase(item.node, item.path))
        }
        var operations: [WeightedOperation] = []
        for item in try fields.items("operations", "an operation with name, do, weight") {
            operations.append(try OperationReader.operation(item.node, item.path))
        }
        var scenario = Scenario(name: name, phases: phases, operations: operations)
        scenario.summary = try fields.optional("summary", "a sentence or two") { $0 } ?? ""
        if let seed = try fields.optional("seed", "a whole number", { Quantities.whole($0) }) { scenario.seed = seed }
        if let warmUp = try fields.time("warm_up") { scenario.warmUpSeconds = warmUp }
        if let connections = try fields.whole("connections") { scenario.connections = connections }
        if let bound = try fields.whole("max_in_flight") { scenario.maxInFlight = bound }
        if let timeout = try fields.time("timeout") { scenario.timeoutMilliseconds = Self.rounded(timeout * 1000) }
        if let count = try fields.whole("sampled_answers") { scenario.sampledAnswers = count }
        if let node = fields.node("affiliates") { scenario.affiliates = try affiliates(node) }
        if let node = fields.node("limits") { scenario.limits = try limits(node) }
        for item in try fields.items("events", "an event with at, label, command") {
            scenario.events.append(try event(item.node, item.path))
        }
        scenario.objectives = try objectives(fields, operations: operations.map(\.name))
        return scenario
    }

    private static func rounded(_ number: Double) -> Int { number < 1e15 ? Int(number.rounded()) : .max }

    private func affiliates(_ node: YAMLNode) throws(FieldFault) -> AffiliateChoice {
        let fields = try ScenarioFields(node, path: "affiliates", known: ["zipf", "hot_root", "hot_share"])
        return AffiliateChoice(
            zipf: try fields.optional("zipf", "an exponent as in 0.99; 0 makes all alike") { Quantities.decimal($0) } ?? 0,
            hotRoot: try fields.whole("hot_root", "the number of an affiliate").map { Int64($0) },
            hotShare: try fields.optional("hot_share", "a share as in 20% or 0.2") { Quantities.share($0) } ?? 0)
    }

    private func limits(_ node: YAMLNode) throws(FieldFault) -> GeneratorLimits {
        let fields = try ScenarioFields(node, path: "limits", known: ["slip_p99", "generator_cpu"])
        var limits = GeneratorLimits()
        if let slip = try fields.time("slip_p99", "a time with its unit, as in 1ms") {
            limits.slipP99Microseconds = Self.rounded(slip * 1_000_000)
        }
        if let share = try fields.optional("generator_cpu", "a share of one core, as in 90%", { Quantities.share($0) }) {
            limits.cpuShare = share
        }
        return limits
    }

    private func event(_ node: YAMLNode, _ path: String) throws(FieldFault) -> PlannedEvent {
        let fields = try ScenarioFields(node, path: path, known: ["at", "label", "command"])
        return PlannedEvent(
            atSeconds: try fields.requiredTime("at"), label: try fields.required("label", "what happens, in a few words") { $0 },
            command: try fields.list("command", "a word of a command, as in [sh, -c, 'kill 123']") { $0 })
    }

    private func objectives(_ fields: ScenarioFields, operations: [String]) throws(FieldFault) -> [Objective] {
        var objectives: [Objective] = []
        for item in try fields.items("objectives", "an objective, as in p99<10ms") {
            let text = try ScenarioFields.read(item.node, item.path, "an objective, as in p99<10ms") { $0 }
            do {
                objectives.append(try Objective(text, operations: operations))
            } catch {
                throw FieldFault(item.path, error.description, line: item.node.line)
            }
        }
        return objectives
    }

    // MARK: Phases

    /// The fields of each shape beside `name`, `length` and `shape`.
    private static let shapes: [(name: String, fields: [String])] = [
        ("constant", ["rate"]), ("poisson", ["rate"]), ("ramp", ["from", "to"]), ("steps", ["from", "to", "steps"]),
        ("spike", ["base", "peak", "at", "for"]), ("replay", ["file"]), ("closed", ["in_flight"]),
    ]

    private func phase(_ node: YAMLNode, _ path: String) throws(FieldFault) -> Phase {
        // Which fields there may be, the shape says.
        let all = try ScenarioFields(
            node, path: path, known: ["name", "length", "shape"] + Set(Self.shapes.flatMap(\.fields)).sorted())
        let shape = try all.required("shape", "one of \(Self.shapes.map(\.name).joined(separator: ", "))") { $0 }
        guard let known = Self.shapes.first(where: { $0.name == shape }) else {
            throw FieldFault(
                all.path("shape"),
                "'\(shape.prefix(80))' is no shape; \(Suggestion.text(for: shape, among: Self.shapes.map(\.name)))",
                line: all.node("shape")?.line)
        }
        let fields = try ScenarioFields(node, path: path, known: ["name", "length", "shape"] + known.fields)
        let name = try fields.required("name", "a name for the report") { $0 }
        if shape == "replay" {
            let file = try fields.required("file", "the name of a file with an offset in seconds on each line") { $0 }
            let offsets = recorded[file] ?? []
            // The whole second behind the last recorded request.
            let seconds = try fields.time("length") ?? Double((offsets.last ?? 0) / 1_000_000_000 + 1)
            return Phase(name: name, seconds: seconds, shape: .replay(file: file, offsetsNanoseconds: offsets))
        }
        return Phase(name: name, seconds: try fields.requiredTime("length"), shape: try self.shape(shape, fields))
    }

    private func shape(_ name: String, _ fields: ScenarioFields) throws(FieldFault) -> ArrivalShape {
        func count(_ field: String, _ expected: String) throws(FieldFault) -> Int {
            try fields.required(field, expected) { Quantities.whole($0).flatMap { Int(exactly: $0) } }
        }
        return switch name {
        case "poisson": .poisson(rate: try fields.rate("rate"))
        case "ramp": .ramp(from: try fields.rate("from"), to: try fields.rate("to"))
        case "steps":
            .steps(
                from: try fields.rate("from"), to: try fields.rate("to"), steps: try count("steps", "how many steps there are"))
        case "spike":
            .spike(
                base: try fields.rate("base"), peak: try fields.rate("peak"), atSeconds: try fields.requiredTime("at"),
                forSeconds: try fields.requiredTime("for"))
        case "closed": .closed(inFlight: try count("in_flight", "how many requests are always in flight"))
        default: .constant(rate: try fields.rate("rate"))
        }
    }

    /// The files that phases replay, as far as the nodes have the right form.
    static func recordedFiles(_ root: YAMLNode) -> [String] {
        guard case .fields(let fields) = root.content,
            case .list(let phases)? = fields.first(where: { $0.name == "phases" })?.value.content
        else { return [] }
        return phases.compactMap { phase in
            guard case .fields(let fields) = phase.content,
                fields.contains(where: { $0.name == "shape" && $0.value.content == .text("replay") }),
                case .text(let name)? = fields.first(where: { $0.name == "file" })?.value.content
            else { return nil }
            return name
        }
    }
}
