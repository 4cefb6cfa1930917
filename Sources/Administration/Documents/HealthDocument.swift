/// That a coordinator answers operators, and that PostgreSQL answers it.
package struct HealthDocument: Codable, Sendable {
    /// The version of the coordinator's binary.
    package let version: String
    /// Rises with every change of an owner or a standby.
    package let topologyVersion: Int64
    /// The plan that is applied or paused.
    package let planUnderWay: Int64?
}
