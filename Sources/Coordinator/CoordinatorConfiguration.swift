/// All that a coordinator has to be told.
package struct CoordinatorConfiguration: Sendable {
    /// PostgreSQL, as a URL or libpq keywords.
    package var databaseURL: String
    /// How long leadership lasts without renewal.
    package var leaseMilliseconds: Int
    /// With nobody serving yet, shards are given out once so many workers have registered, or after `startGraceMilliseconds`.
    package var expectedWorkers: Int
    package var startGraceMilliseconds: Int
    /// Warm copies of each shard beside its owner: 0 or 1.
    package var replicas: Int
    /// Nil: operators are not answered.
    package var administration: AdministrationConfiguration?

    package init(
        databaseURL: String, leaseMilliseconds: Int = 2500, expectedWorkers: Int = 1, startGraceMilliseconds: Int = 10_000,
        replicas: Int = 0, administration: AdministrationConfiguration? = nil
    ) {
        self.databaseURL = databaseURL
        self.leaseMilliseconds = leaseMilliseconds
        self.expectedWorkers = expectedWorkers
        self.startGraceMilliseconds = startGraceMilliseconds
        self.replicas = replicas
        self.administration = administration
    }
}
