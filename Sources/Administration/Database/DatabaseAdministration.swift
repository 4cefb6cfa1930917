import Core
import PostgresClient
import Store

/// Administration where it is done in the end: by PostgreSQL's functions, which take the audit too.
///
/// Blocks. Belongs to whoever has the connection.
package struct DatabaseAdministration: AdministrationPort {
    let connection: PostgresConnection
    /// Who asks, as the audit names them.
    let origin: ChangeOrigin

    package init(_ connection: PostgresConnection, origin: ChangeOrigin) {
        self.connection = connection
        self.origin = origin
    }

    package func health() throws -> HealthDocument {
        HealthDocument(
            version: buildVersion, topologyVersion: try OwnershipQueries.topologyVersion(on: connection),
            planUnderWay: try RebalancePlans.underWay(on: connection)?.number)
    }

    package func gateways() throws -> GatewayListDocument {
        GatewayListDocument(gateways: try GatewayLeases.all(on: connection).map(GatewayListDocument.Entry.init))
    }
}
