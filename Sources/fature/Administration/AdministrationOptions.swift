import Administration
import ArgumentParser
import ClusterTLS
import Core
import Foundation

/// How commands for operators have done what they do: by PostgreSQL, or, with --admin-url, by a coordinator over HTTP. The first of these that
/// is given counts: `--admin-url`, `--database-url` or `--data-dir`, FATURE_ADMIN_URL, and then whatever names PostgreSQL.
struct AdministrationOptions: ParsableArguments {
    @OptionGroup var location: ClusterLocation
    @OptionGroup var certificates: CertificateOptions

    @Option(
        help: ArgumentHelp(
            "Ask the coordinator that listens there (--admin-listen) instead of PostgreSQL, as http://127.0.0.1:7600; beyond loopback https and certificates. Or FATURE_ADMIN_URL.",
            valueName: "url"))
    var adminUrl: String?

    @Option(
        help: ArgumentHelp(
            "The file, readable by you alone, with the token that the coordinator wants. Or FATURE_ADMIN_TOKEN_FILE. Default: what `fature up` noted in --data-dir.",
            valueName: "file"))
    var adminTokenFile: String?

    /// - Parameter purpose: what PostgreSQL shows as the connection's application name.
    func port(
        _ purpose: String, environment: [String: String] = ProcessInfo.processInfo.environment
    ) throws -> any AdministrationPort {
        guard let text = try urlText(environment) else {
            guard adminTokenFile == nil, certificates.isEmpty else {
                throw CommandError(.usage, "--admin-token-file and --tls-… are for a coordinator: name it with --admin-url")
            }
            return DatabaseAdministration(try location.connectToCurrentSchema(purpose), origin: .commandLine)
        }
        let url = try AdministrationURL(text)
        let credentials = try CredentialPaths(
            certificate: certificates.certificate ?? environment.given("FATURE_ADMIN_TLS_CERT"),
            key: certificates.key ?? environment.given("FATURE_ADMIN_TLS_KEY"),
            authority: certificates.authority ?? environment.given("FATURE_ADMIN_TLS_CA"))
        return try RemoteAdministration(url, token: token(for: url, environment), credentials: credentials)
    }

    private func urlText(_ environment: [String: String]) throws(CommandError) -> String? {
        if let adminUrl {
            guard location.databaseUrl == nil else {
                throw CommandError(.usage, "--admin-url and --database-url name two ways: give one of them")
            }
            return adminUrl
        }
        return location.databaseUrl == nil && location.dataDir == nil ? environment.given("FATURE_ADMIN_URL") : nil
    }

    private func token(for url: AdministrationURL, _ environment: [String: String]) throws -> AdministrationToken {
        if let file = adminTokenFile ?? environment.given("FATURE_ADMIN_TOKEN_FILE") {
            return try AdministrationToken(file: file)
        }
        // Its token is for nobody else.
        if let noted = try location.stateIfAny()?.administration, url == (try AdministrationURL(noted.url)) {
            return try AdministrationToken(noted.token)
        }
        throw CommandError(
            .configuration,
            "\(url) wants a token: give --admin-token-file or FATURE_ADMIN_TOKEN_FILE, the file that the coordinator has")
    }
}

/// Where a coordinator answers operators.
struct AdministrationURL: Equatable, CustomStringConvertible {
    let isTLS: Bool
    let address: AdministrationAddress

    /// - Throws: `misconfigured` for anything but `http://HOST:PORT` and `https://HOST:PORT`.
    init(_ text: String) throws(AdministrationFault) {
        let scheme = ["http://", "https://"].first { text.lowercased().hasPrefix($0) }
        guard let scheme else {
            throw AdministrationFault(.misconfigured, "`\(text)` is not http://HOST:PORT or https://HOST:PORT; see --admin-url")
        }
        isTLS = scheme == "https://"
        let rest = text.dropFirst(scheme.count)
        address = try AdministrationAddress(String(rest.hasSuffix("/") ? rest.dropLast() : rest))
    }

    var description: String { "\(isTLS ? "https" : "http")://\(address)" }
}
