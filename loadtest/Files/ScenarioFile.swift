import LoadPlan
import YAMLFiles

/// A scenario as a YAML file, as people edit it. `loadtest/scenarios/` has the mission's; `docs/loadtest.md` describes every field.
package enum ScenarioFile {
    /// The largest file that is read, in bytes.
    package static let bytesMax = 1 << 20
    static let nodesMax = 50_000

    /// Reads and checks a scenario. Files of recorded arrivals are found from the scenario's own folder.
    package static func read(path: String) throws(LoadFileError) -> Scenario {
        let text: String
        do {
            text = try TextFile.contents(path: path, bytesMax: bytesMax, what: "a scenario")
        } catch {
            throw LoadFileError(unreadable: path, error.message)
        }
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
        return try parse(text, file: path, folder: folder)
    }

    /// Reads and checks a scenario from the text of a file; `file` is the name that errors give.
    ///
    /// - Parameter folder: before names of files that the scenario names; empty or with a slash at its end.
    package static func parse(_ text: String, file: String, folder: String = "") throws(LoadFileError) -> Scenario {
        let root: YAMLNode?
        do {
            root = try YAMLText(nodesMax: nodesMax).read(text)
        } catch {
            throw LoadFileError(file: file, line: error.line, field: error.field, error.message)
        }
        guard let root else {
            throw LoadFileError(
                file: file, line: nil, "there is nothing in it; write a scenario's fields, as in loadtest/scenarios")
        }
        // Recorded arrivals have errors in a file of their own.
        var recorded: [String: [UInt64]] = [:]
        for name in ScenarioReader.recordedFiles(root) where recorded[name] == nil {
            recorded[name] = try RecordedArrivals.read(path: name.hasPrefix("/") ? name : folder + name)
        }
        let scenario: Scenario
        do {
            scenario = try ScenarioReader(recorded: recorded).scenario(root)
        } catch {
            throw LoadFileError(file: file, line: error.line, field: error.field, error.message)
        }
        do {
            try scenario.check()
        } catch {
            throw LoadFileError(file: file, line: root.line(of: error.field), field: error.field, error.message)
        }
        return scenario
    }
}

extension YAMLNode {
    /// The line of a field, or of the nearest mapping or list around it that is there.
    fileprivate func line(of field: String) -> Int? {
        var node = self
        var line = line
        for step in field.split(whereSeparator: { $0 == "." || $0 == "[" || $0 == "]" }) {
            switch node.content {
            case .fields(let fields):
                guard let next = fields.first(where: { $0.name == step })?.value else { return line }
                node = next
            case .list(let items):
                guard let index = Int(step), items.indices.contains(index) else { return line }
                node = items[index]
            case .text: return line
            }
            line = node.line ?? line
        }
        return line
    }
}
