/// One step of the schema: SQL that makes it and SQL that takes it away, each run in a transaction of its own.
package struct Migration: Sendable {
    /// 1, 2, 3, … in the order of application.
    package let version: Int
    package let name: String
    package let up: String
    package let down: String

    package init(version: Int, name: String, up: String, down: String) {
        self.version = version
        self.name = name
        self.up = up
        self.down = down
    }

    private init(_ version: Int, _ name: String, up: [UInt8], down: [UInt8]) {
        self.init(
            version: version, name: name, up: String(decoding: up, as: UTF8.self), down: String(decoding: down, as: UTF8.self))
    }

    /// Every migration of this binary, oldest first. The SQL stands in `Migrations/NNNN_name.up.sql` and `.down.sql`; SwiftPM
    /// embeds each file under its name, the first digit replaced by `_`.
    package static let all: [Migration] = [
        Migration(1, "shards", up: PackageResources._001_shards_up_sql, down: PackageResources._001_shards_down_sql),
        Migration(2, "affiliates", up: PackageResources._002_affiliates_up_sql, down: PackageResources._002_affiliates_down_sql),
        Migration(3, "audit", up: PackageResources._003_audit_up_sql, down: PackageResources._003_audit_down_sql),
        Migration(4, "ownership", up: PackageResources._004_ownership_up_sql, down: PackageResources._004_ownership_down_sql),
        Migration(
            5, "hierarchy_writes", up: PackageResources._005_hierarchy_writes_up_sql,
            down: PackageResources._005_hierarchy_writes_down_sql),
        Migration(6, "imports", up: PackageResources._006_imports_up_sql, down: PackageResources._006_imports_down_sql),
        Migration(
            7, "transactions", up: PackageResources._007_transactions_up_sql, down: PackageResources._007_transactions_down_sql),
        Migration(
            8, "commissions", up: PackageResources._008_commissions_up_sql, down: PackageResources._008_commissions_down_sql),
        Migration(9, "jobs", up: PackageResources._009_jobs_up_sql, down: PackageResources._009_jobs_down_sql),
        Migration(
            10, "ledger_writes", up: PackageResources._010_ledger_writes_up_sql,
            down: PackageResources._010_ledger_writes_down_sql),
        Migration(
            11, "default_plan", up: PackageResources._011_default_plan_up_sql, down: PackageResources._011_default_plan_down_sql),
        Migration(
            12, "revshare_periods", up: PackageResources._012_revshare_periods_up_sql,
            down: PackageResources._012_revshare_periods_down_sql),
        Migration(
            13, "commission_decisions", up: PackageResources._013_commission_decisions_up_sql,
            down: PackageResources._013_commission_decisions_down_sql),
        Migration(
            14, "queue_figures", up: PackageResources._014_queue_figures_up_sql,
            down: PackageResources._014_queue_figures_down_sql),
        Migration(
            15, "rebalance", up: PackageResources._015_rebalance_up_sql, down: PackageResources._015_rebalance_down_sql),
        Migration(
            16, "shard_moves", up: PackageResources._016_shard_moves_up_sql,
            down: PackageResources._016_shard_moves_down_sql),
        Migration(
            17, "standbys", up: PackageResources._017_standbys_up_sql, down: PackageResources._017_standbys_down_sql),
        Migration(
            18, "gateway_leases", up: PackageResources._018_gateway_leases_up_sql,
            down: PackageResources._018_gateway_leases_down_sql),
        Migration(
            19, "one_pass_over_moves", up: PackageResources._019_one_pass_over_moves_up_sql,
            down: PackageResources._019_one_pass_over_moves_down_sql),
    ]
}
