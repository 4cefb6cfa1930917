import Foundation

/// libpq's own variables (PGSSLMODE, PGOPTIONS, PGPASSFILE, …) are somebody's settings for a server of theirs. The private
/// server's connection string is complete, and nothing may be added to it.
enum PostgresEnvironment {
    static func isOfLibpq(_ variable: String) -> Bool { variable.hasPrefix("PG") }

    /// The environment without libpq's variables.
    static func cleaned(_ environment: [String: String]) -> [String: String] { environment.filter { !isOfLibpq($0.key) } }

    /// Takes them from this process, before it connects: libpq reads them by itself.
    static func clearOurs() {
        for variable in ProcessInfo.processInfo.environment.keys where isOfLibpq(variable) { unsetenv(variable) }
    }
}
