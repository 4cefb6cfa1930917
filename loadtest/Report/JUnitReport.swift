import Core
import LoadRecord

/// A run as JUnit's XML, for build servers: a test case for each objective, and one that says whether the run is valid.
package enum JUnitReport {
    package static func text(_ record: RunRecord) -> String {
        let judgement = RunJudgement(record)
        let name = "loadtest.\(record.scenario.name)"
        let validity = testCase(
            "the run is valid", of: name,
            failure: record.invalid.isEmpty ? nil : ("invalid", record.invalid.joined(separator: "; ")))
        let objectives = judgement.objectives.map { result in
            testCase(
                result.objective, of: name,
                failure: result.state == .held ? nil : (result.state.rawValue, "\(result.state.word): \(result.words)"),
                seen: result.words)
        }
        let moment = ByteBuilder()
        // JUnit's schema has no zone; it is UTC.
        moment.appendRFC3339(unixMicroseconds: record.startedAtMicroseconds / 1_000_000 * 1_000_000)
        let timestamp = String(decoding: moment.bytes, as: UTF8.self).replacing("Z", with: "")
        let failures = judgement.missed + (record.invalid.isEmpty ? 0 : 1)
        let counts: Markup =
            "tests=\"\(objectives.count + 1)\" failures=\"\(failures)\" errors=\"0\" time=\"\(Quantity.plain(record.seconds, places: 3))\""
        let properties = [
            ("target", record.environment.target), ("processor", record.environment.processor),
            ("kernel", record.environment.kernel), ("commit", record.environment.commit),
            ("seed", String(record.scenario.seed)),
        ].map { key, value -> Markup in "      <property name=\"\(key)\" value=\"\(value)\"/>\n" }
        let document: Markup = """
            <?xml version="1.0" encoding="UTF-8"?>
            <testsuites name="fature loadtest" \(counts)>
              <testsuite name="\(name)" \(counts) skipped="0" timestamp="\(timestamp)">
                <properties>
            \(properties)    </properties>
            \(validity)\(objectives)  </testsuite>
            </testsuites>

            """
        return document.text
    }

    private static func testCase(
        _ name: String, of suite: String, failure: (type: String, message: String)?, seen: String? = nil
    ) -> Markup {
        let opening: Markup = "    <testcase classname=\"\(suite)\" name=\"\(name)\" time=\"0\""
        if let failure {
            return "\(opening)>\n      <failure type=\"\(failure.type)\" message=\"\(failure.message)\"/>\n    </testcase>\n"
        }
        guard let seen else { return "\(opening)/>\n" }
        return "\(opening)>\n      <system-out>\(seen)</system-out>\n    </testcase>\n"
    }
}
