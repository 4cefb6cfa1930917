import PostgresClient
import RedisClient

/// Looks at the servers that somebody else runs before anything is started: a start that cannot succeed ends at once.
enum GivenServers {
    static let redisMillisecondsMax = 5000

    /// One PING.
    static func checkRedis(_ url: String) throws(CommandError) {
        do {
            let configuration = try RedisConfiguration(url: url, connectTimeoutMilliseconds: redisMillisecondsMax)
            // Connecting signs in and sends the PING.
            try RedisConnection(configuration).close()
        } catch {
            switch error.code {
            case .usage: throw CommandError(.configuration, "REDIS_URL: \(error.message)")
            case .accessRefused:
                throw CommandError(.accessDenied, "Redis: \(error.message); check the user, password and database in REDIS_URL")
            default:
                throw CommandError(
                    .serverUnavailable, "Redis does not answer: \(error.message); check that it runs and that REDIS_URL names it")
            }
        }
    }

    /// `--demo` is for databases of our own. One that somebody named is only written to if it is a cluster with affiliates
    /// already (then nothing is generated), or if they say so with a flag; a V1 programme in it is never touched.
    static func checkDemo(_ url: String, isAllowed: Bool) throws(CommandError) {
        let hasSchema: Bool
        let hasV1: Bool
        var isFilled = false
        do {
            let connection = try ClusterLocation.connect(to: url, "up")
            let answer = try connection.execute(
                "SELECT to_regclass('fature_v2.affiliates_optimized') IS NOT NULL, to_regclass('public.affiliates') IS NOT NULL")
            hasSchema = try answer.bool(0, 0)
            hasV1 = try answer.bool(0, 1)
            if hasSchema {
                isFilled = try connection.execute("SELECT EXISTS (SELECT FROM fature_v2.affiliates_optimized)").bool(0, 0)
            }
        } catch {
            throw CommandError.explaining(error)
        }
        if isFilled { return }
        guard !hasV1 else {
            throw CommandError(
                .usage,
                "--demo: the database DATABASE_URL names has a V1 programme (table public.affiliates), which is not for a demo; "
                    + "leave --demo out, and bring it in with `fature migrate` if that is meant")
        }
        guard isAllowed else {
            throw CommandError(
                .usage,
                "--demo would fill the database DATABASE_URL names with 532,363 made-up affiliates; unset DATABASE_URL for a "
                    + "private server, or add --demo-into-database-url if that is meant")
        }
    }
}
