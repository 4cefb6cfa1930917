import Foundation
import Testing

@testable import fature

@Suite("Settings by flag, environment and file")
struct SettingSourcesTests {
    private let path = FileManager.default.temporaryDirectory.appendingPathComponent("fature-settings-\(UUID()).yaml").path

    private func sources(
        flags: [(Setting, String?)] = [], environment: [String: String] = [:], yaml: String? = nil
    ) throws -> SettingSources {
        defer { try? FileManager.default.removeItem(atPath: path) }
        if let yaml { try yaml.write(toFile: path, atomically: false, encoding: .utf8) }
        return try SettingSources(flags: flags, environment: environment, configurationFile: yaml == nil ? nil : path)
    }

    /// What the error for a broken configuration says.
    private func complaint(_ body: () throws -> Void) -> String {
        do {
            try body()
            return "no error"
        } catch let error as CommandError {
            #expect(error.status == .configuration)
            return error.message.replacingOccurrences(of: path, with: "FILE")
        } catch {
            return "another error: \(error)"
        }
    }

    @Test("a flag beats the environment, which beats the file, which beats the default")
    func precedence() throws {
        let yaml = "gateway:\n  listen_port: 3\n"
        let environment = ["FATURE_GATEWAY_LISTEN_PORT": "2"]
        let setting = Settings.gatewayListenPort
        #expect(try sources(flags: [(setting, "1")], environment: environment, yaml: yaml).integer(setting) == 1)
        #expect(try sources(flags: [(setting, nil)], environment: environment, yaml: yaml).integer(setting) == 2)
        #expect(try sources(yaml: yaml).integer(setting) == 3)
        #expect(try sources().integer(setting) == 8080)
    }

    @Test("our own variable beats the one that everybody uses")
    func aliases() throws {
        let both = ["FATURE_DATABASE_URL": "ours", "DATABASE_URL": "everybody's"]
        #expect(try sources(environment: both).text(Settings.databaseURL) == "ours")
        #expect(try sources(environment: ["DATABASE_URL": "everybody's"]).text(Settings.databaseURL) == "everybody's")
        #expect(try sources(environment: ["DATABASE_URL": ""]).optionalText(Settings.databaseURL) == nil)
    }

    @Test("an unknown key in the file is refused, whatever section it is in")
    func unknownKeys() throws {
        let message = complaint { _ = try sources(yaml: "worker:\n  nmae: w\n") }
        #expect(message.hasPrefix("FILE has the key worker.nmae, which nobody knows; the keys are: database_url, "))
        let other = complaint { _ = try sources(yaml: "listen_port: 1\n") }
        #expect(other.hasPrefix("FILE has the key listen_port"))
    }

    @Test(
        "a bad value names its key and where it came from",
        arguments: [
            ("gateway.listen_port", "65536"), ("gateway.listen_port", "http"), ("gateway.access_log", "some"), ("log_level", ""),
        ])
    func badValues(key: String, text: String) throws {
        let setting = try #require(Settings.all.first { $0.key == key })
        let message = complaint { _ = try sources(flags: [(setting, text)]).text(setting) }
        #expect(message.hasPrefix("\(key) is "))
        #expect(message.hasSuffix("(from --\(setting.flag))"))
    }

    @Test("a list where a single value belongs is refused")
    func listValue() throws {
        let message = complaint { _ = try sources(yaml: "log_level: [info]\n").text(Settings.logLevel) }
        #expect(message == "log_level in FILE is not a single value")
    }

    @Test("a file that is no YAML mapping, or not there, is refused")
    func brokenFiles() throws {
        #expect(
            complaint { _ = try sources(yaml: "- a\n- b\n") }.hasPrefix("the configuration file FILE is not the YAML expected"))
        #expect(complaint { _ = try sources(yaml: "a: [\n") }.hasPrefix("the configuration file FILE is not the YAML expected"))
        let missing = complaint { _ = try SettingSources(flags: [], environment: [:], configurationFile: "\(path).missing") }
        #expect(missing == "cannot read the configuration file FILE.missing; check --config")
    }

    @Test("a secret's value is in no message")
    func secrets() throws {
        let message = complaint { _ = try sources(yaml: "database_url: [hunter2]\n").text(Settings.databaseURL) }
        #expect(!message.contains("hunter2"))
    }

    @Test("every default is a legal value of its setting, and every key is there once")
    func table() {
        for setting in Settings.all {
            if let text = setting.defaultText { #expect(setting.complaint(about: text) == nil, "\(setting.key)") }
        }
        #expect(Set(Settings.all.map(\.key)).count == Settings.all.count)
        #expect(Set(Settings.all.map(\.variable)).count == Settings.all.count)
    }

    @Test("docs/configuration.md is the table of settings")
    func documentation() throws {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().deletingLastPathComponent().path
        let text = try String(contentsOfFile: "\(root)/docs/configuration.md", encoding: .utf8)
        // Everything between the header and the next blank line: nothing else may stand in the table.
        let rows = text.split(separator: "\n", omittingEmptySubsequences: false)
            .drop { $0 != "| Key | Flag | Environment | Values | Default | What it is |" }.dropFirst(2)
            .prefix { !$0.isEmpty }.map(String.init)
        let wanted = Settings.all.map(row)
        #expect(rows == wanted, "the page should have these rows:\n\(wanted.joined(separator: "\n"))")
    }

    /// How the page shows one setting.
    private func row(_ setting: Setting) -> String {
        let values: String
        switch setting.kind {
        case .text: values = "text"
        case .secret: values = "URL (secret)"
        case .integer(let range): values = "\(range.lowerBound) to \(range.upperBound)"
        case .choice(let words): values = words.joined(separator: ", ")
        }
        let variables = ([setting.variable] + setting.aliases).map { "`\($0)`" }.joined(separator: " ")
        let byDefault = setting.defaultText.map { "`\($0)`" } ?? ""
        return "| `\(setting.key)` | `--\(setting.flag)` | \(variables) | \(values) | \(byDefault) | \(setting.help) |"
    }
}
