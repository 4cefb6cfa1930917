import Foundation
import PostgresClient

/// Where V1's database is, when it is not the cluster's own.
enum V1Location {
    static let variable = "V1_DATABASE_URL"

    /// - Parameter url: from the command line; otherwise the environment is asked.
    /// - Returns: nil if V1 is in the cluster's own database.
    static func connection(
        _ url: String?, environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws(PostgresError) -> PostgresConnection? {
        guard let url = url ?? environment[variable], !url.isEmpty else { return nil }
        return try PostgresConnection(PostgresConfiguration(url: url, applicationName: "fature V1"))
    }
}
