import LoadPlan
import PostgresClient

/// Reads whom a load may ask about from the cluster's PostgreSQL.
package enum PopulationQuery {
    /// - Throws: `PostgresError`, `LoadCheckError` when there is nobody.
    package static func read(on connection: PostgresConnection) throws -> Population {
        var members: [Population.Member] = []
        try connection.copyOut(sql) { line in
            guard let member = member(line) else {
                throw LoadCheckError(
                    "PostgreSQL answered an affiliate that cannot be read: \(String(decoding: line, as: UTF8.self))")
            }
            members.append(member)
        }
        guard !members.isEmpty else {
            throw LoadCheckError("the cluster has no affiliates: import some, or start a demo network with `fature up`")
        }
        return Population(members)
    }

    /// Microseconds since 1970 on PostgreSQL's clock: what a run does from now on is found by it.
    package static func now(on connection: PostgresConnection) throws -> Int64 {
        try connection.execute("SELECT (extract(epoch FROM clock_timestamp()) * 1000000)::bigint").int(0, 0)
    }

    private static func member(_ line: UnsafeRawBufferPointer) -> Population.Member? {
        let fields = line.dropLast().split(separator: UInt8(ascii: "\t"), omittingEmptySubsequences: false)
        guard fields.count == 5, let id = Int64(String(decoding: fields[0], as: UTF8.self)),
            let root = Int64(String(decoding: fields[1], as: UTF8.self)),
            let shard = UInt8(String(decoding: fields[2], as: UTF8.self))
        else { return nil }
        return .init(
            id: id, root: root, shard: shard, isActive: fields[3].elementsEqual("t".utf8),
            isLeaf: fields[4].elementsEqual("t".utf8))
    }

    private static let sql = """
        COPY (
            SELECT affiliate_id, ltree2text(subpath(hierarchy_path, 0, 1)), shard_id, status = 'active', direct_referrals_count = 0
            FROM fature_v2.affiliates_optimized
        ) TO STDOUT
        """
}

/// Why a check could not be made.
package struct LoadCheckError: Error, CustomStringConvertible {
    package let description: String

    package init(_ description: String) { self.description = description }
}
