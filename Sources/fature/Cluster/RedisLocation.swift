import ArgumentParser
import Foundation
import RedisClient

/// How a command finds the cluster's Redis. The first of these that is given counts:
///
/// 1. `--redis-url URL`
/// 2. `--data-dir FOLDER`: what `fature up` noted in FOLDER/cluster.json
/// 3. FATURE_REDIS_URL or REDIS_URL
/// 4. `.fature/cluster.json` in the current folder, unless PostgreSQL was named in another way: the two belong together
struct RedisLocation: ParsableArguments {
    @Option(
        name: Settings.redisURL.flagName,
        help: ArgumentHelp(
            "The cluster's Redis. A password in it shows in the process list: prefer REDIS_URL or --data-dir.", valueName: "url"))
    var redisURL: String?

    /// The URL, or nil if nobody names one. It may hold a password: never print it.
    func urlIfAny(
        beside location: ClusterLocation, environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(CommandError) -> String? {
        if let redisURL { return redisURL }
        if location.dataDir == nil {
            if let url = environment.given(Settings.redisURL.variable) ?? environment.given("REDIS_URL") { return url }
            if location.databaseUrl != nil || ClusterLocation.databaseURL(in: environment) != nil { return nil }
        }
        return try location.stateIfAny()?.redisURL
    }

    func connect(beside location: ClusterLocation) throws(CommandError) -> RedisConnection {
        guard let url = try urlIfAny(beside: location) else {
            throw CommandError(
                .notRunning,
                "no Redis is named beside this PostgreSQL; give --redis-url or REDIS_URL, or both servers with --data-dir")
        }
        do { return try RedisConnection(RedisConfiguration(url: url)) } catch { throw CommandError.explaining(error) }
    }
}
