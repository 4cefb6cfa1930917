import Configuration
import Foundation
import Synchronization

/// Where settings come from, the strongest first: flags, environment, the YAML file, the default.
///
/// One file serves all roles. Keys that nobody knows are errors, in the sections of other roles too: a misspelt key would
/// otherwise be a setting that silently does nothing.
struct SettingSources {
    /// A file larger than this is not a configuration.
    static let fileBytesMax = 1024 * 1024

    private let flags: [String: String]
    private let environment: EnvironmentVariablesProvider
    private let file: (path: String, snapshot: YAMLSnapshot)?

    /// - Parameters:
    ///   - flags: values given on the command line, by the setting's key; nil means not given.
    ///   - configurationFile: the path given with `--config`.
    init(
        flags: [(Setting, String?)], environment: [String: String] = ProcessInfo.processInfo.environment,
        configurationFile: String?
    ) throws(CommandError) {
        var given: [String: String] = [:]
        for (setting, text) in flags { given[setting.key] = text }
        self.flags = given
        self.environment = EnvironmentVariablesProvider(environmentVariables: environment)
        file = try configurationFile.map { path throws(CommandError) in (path, try Self.parse(path)) }
    }

    /// The value of a setting, checked, or nil if nobody says anything and it has no default.
    func optionalText(_ setting: Setting) throws(CommandError) -> String? {
        guard let (text, origin) = try find(setting) ?? setting.defaultText.map({ ($0, "the default") }) else { return nil }
        if let complaint = setting.complaint(about: text) {
            throw CommandError(.configuration, "\(setting.key) \(complaint) (from \(origin))")
        }
        return text
    }

    func text(_ setting: Setting) throws(CommandError) -> String {
        guard let text = try optionalText(setting) else {
            throw CommandError(
                .configuration, "\(setting.key) is missing: give --\(setting.flag), \(setting.variable), or it in the file")
        }
        return text
    }

    func integer(_ setting: Setting) throws(CommandError) -> Int {
        let text = try text(setting)
        guard let value = Int(text) else { throw CommandError(.configuration, "\(setting.key) is `\(text)`, not a whole number") }
        return value
    }

    private func find(_ setting: Setting) throws(CommandError) -> (text: String, origin: String)? {
        if let text = flags[setting.key] { return (text, "--\(setting.flag)") }
        for variable in [setting.variable] + setting.aliases {
            // The provider wants a key of its own form; a single component in capitals is the variable's name.
            if let text = try lookUp(environment, AbsoluteConfigKey([variable]), origin: variable), !text.isEmpty {
                return (text, variable)
            }
        }
        if let file {
            let key = AbsoluteConfigKey(setting.key.split(separator: ".").map(String.init))
            do {
                if let text = Self.string(try file.snapshot.value(forKey: key, type: .string)) { return (text, file.path) }
            } catch {
                throw CommandError(.configuration, "\(setting.key) in \(file.path) is not a single value")
            }
        }
        return nil
    }

    private func lookUp(_ provider: some ConfigProvider, _ key: AbsoluteConfigKey, origin: String) throws(CommandError) -> String?
    {
        do { return Self.string(try provider.value(forKey: key, type: .string)) } catch {
            throw CommandError(.configuration, "\(origin) cannot be read: \(error)")
        }
    }

    private static func string(_ result: LookupResult) -> String? {
        guard case .string(let text) = result.value?.content else { return nil }
        return text
    }

    private static func parse(_ path: String) throws(CommandError) -> YAMLSnapshot {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CommandError(.configuration, "cannot read the configuration file \(path); check --config")
        }
        guard data.count <= fileBytesMax else {
            throw CommandError(.configuration, "the configuration file \(path) is larger than \(fileBytesMax) bytes")
        }
        // The parser asks about each key whether it is secret. We say yes to all, and so learn which keys there are.
        let seen = SeenKeys()
        let options = YAMLSnapshot.ParsingOptions(
            secretsSpecifier: .dynamic { key, _ in
                seen.insert(key)
                return true
            })
        let snapshot: YAMLSnapshot
        do {
            snapshot = try YAMLSnapshot(data: data.bytes, providerName: path, parsingOptions: options)
        } catch {
            let reason = "\(error)".split(separator: "\n").joined(separator: " ")
            throw CommandError(.configuration, "the configuration file \(path) is not the YAML expected: \(reason)")
        }
        let known = Set(Settings.all.map(\.key))
        if let unknown = seen.sorted().first(where: { !known.contains($0) }) {
            throw CommandError(
                .configuration,
                "\(path) has the key \(unknown), which nobody knows; the keys are: \(Settings.all.map(\.key).joined(separator: ", "))"
            )
        }
        return snapshot
    }
}

/// The keys a YAML file holds.
private final class SeenKeys: Sendable {
    private let keys = Mutex<Set<String>>([])

    func insert(_ key: String) { keys.withLock { _ = $0.insert(key) } }
    func sorted() -> [String] { keys.withLock { $0.sorted() } }
}
