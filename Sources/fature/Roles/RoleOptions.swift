import ArgumentParser
import Foundation

/// The flags all roles share, and how a role finds its settings.
struct RoleOptions: ParsableArguments {
    @OptionGroup var location: ClusterLocation

    @Option(
        name: .customLong("config"), help: ArgumentHelp("A YAML file of settings; see docs/configuration.md.", valueName: "file"))
    var configurationFile: String?

    @Option(name: Settings.logLevel.flagName, help: Settings.logLevel.argumentHelp)
    var logLevel: String?

    /// Set by `fature up`, whose end closes our standard input.
    @Flag(name: .customLong("stop-on-stdin-close"), help: .hidden)
    var stopsOnStandardInputClose = false

    func sources(_ flags: [(Setting, String?)]) throws(CommandError) -> SettingSources {
        try SettingSources(flags: flags + [(Settings.logLevel, logLevel)], configurationFile: configurationFile)
    }

    /// A cluster named on the command line counts before the environment and the file, and `.fature` here after both.
    func databaseURL(_ sources: SettingSources) throws(CommandError) -> String {
        if location.databaseUrl == nil && location.dataDir == nil, let url = try sources.optionalText(Settings.databaseURL) {
            return url
        }
        return try location.databaseURL()
    }

    /// Nil where nobody names a Redis: `/health` then says that there is none.
    func redisURL(_ sources: SettingSources, flag: String?) throws(CommandError) -> String? {
        if let flag { return flag }
        if location.dataDir == nil, let url = try sources.optionalText(Settings.redisURL) { return url }
        if location.dataDir == nil && location.databaseUrl != nil { return nil }
        return try location.stateIfAny()?.redisURL
    }
}
