import PostgresClient
import TestServers
import Testing

extension HierarchyOracle {
    /// Records an issue for each promise that is broken.
    static func check(_ connection: PostgresConnection, _ sourceLocation: SourceLocation = #_sourceLocation) throws {
        for problem in try problems(connection) { Issue.record("\(problem)", sourceLocation: sourceLocation) }
    }
}
