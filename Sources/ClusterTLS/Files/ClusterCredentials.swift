import Foundation
import Logging
import Synchronization

/// A process's certificate, key and authorities, read anew when their files change.
///
/// Connections made before keep what they were made with. Files that do not fit together, as while they are being replaced, change
/// nothing until they do.
package final class ClusterCredentials: Sendable {
    private struct State {
        var loaded: LoadedCredentials
        /// What was read last, whether it was taken or not.
        var texts: LoadedCredentials.Texts?
        /// The last trouble that was told.
        var complaint: String?
        var warnedAt: ContinuousClock.Instant?
    }

    package let paths: CredentialPaths
    package let identity: ClusterIdentity
    private let name: String?
    private let logger: Logger
    private let pollInterval: Duration
    private let state: Mutex<State>

    /// How often the files are looked at.
    package static let pollInterval = Duration.seconds(2)
    /// The end of a certificate is told so often, once less than this part of its life is left.
    private static let warningInterval = Duration.seconds(24 * 3600)
    private static let warningShare = 0.2

    /// Reads the files.
    /// - Parameters:
    ///   - role: what the process does; the certificate must say the same.
    ///   - name: the process's name, which must be the certificate's; nil where any will do.
    /// - Throws: `file`, `unreadable`, `unfit`: what is wrong with which file.
    package init(
        _ paths: CredentialPaths, role: NodeRole, name: String?, logger: Logger, pollInterval: Duration = pollInterval
    ) async throws(ClusterTLSError) {
        let texts = try LoadedCredentials.Texts(paths)
        let loaded = try await LoadedCredentials(texts, paths: paths, role: role, name: name)
        self.paths = paths
        self.name = name
        self.logger = logger
        self.pollInterval = pollInterval
        identity = loaded.identity
        state = Mutex(State(loaded: loaded, texts: texts))
    }

    /// The same, or nil where no files are named.
    package static func load(
        _ paths: CredentialPaths?, role: NodeRole, name: String?, logger: Logger
    ) async throws(ClusterTLSError) -> ClusterCredentials? {
        guard let paths else { return nil }
        return try await ClusterCredentials(paths, role: role, name: name, logger: logger)
    }

    var current: LoadedCredentials { state.withLock { $0.loaded } }

    /// Looks at the files again and again, until the task is cancelled.
    package func follow() async {
        while !Task.isCancelled {
            await readAgain()
            warnOfEnd()
            do { try await Task.sleep(for: pollInterval) } catch { return }
        }
    }

    /// Takes the files if they have changed and fit.
    func readAgain() async {
        do throws(ClusterTLSError) {
            let texts = try LoadedCredentials.Texts(paths)
            guard texts != state.withLock({ $0.texts }) else { return }
            let loaded = try await LoadedCredentials(texts, paths: paths, role: identity.role, name: name)
            guard loaded.identity == identity else {
                throw ClusterTLSError(.unfit, "\(paths.certificate) is for \(loaded.identity) now, and this is \(identity)")
            }
            state.withLock { $0 = State(loaded: loaded, texts: texts) }
            logger.notice(
                "new certificate: connections made from now on use it",
                metadata: ["until": "\(loaded.certificate.notValidAfter.formatted(.iso8601))"])
        } catch {
            // Told once: a file that stays wrong is looked at every time.
            let isNew = state.withLock { state in
                defer { state.complaint = error.message }
                return state.complaint != error.message
            }
            if isNew {
                logger.warning(
                    "the certificate's files have changed and are not taken", metadata: ["reason": "\(error.message)"])
            }
        }
    }

    private func warnOfEnd() {
        let certificate = current.certificate
        let left = certificate.notValidAfter.timeIntervalSince(Date())
        let life = certificate.notValidAfter.timeIntervalSince(certificate.notValidBefore)
        guard left < life * Self.warningShare else { return }
        let now = ContinuousClock.now
        let isDue = state.withLock { state in
            if let last = state.warnedAt, now - last < Self.warningInterval { return false }
            state.warnedAt = now
            return true
        }
        guard isDue else { return }
        logger.warning(
            left < 0
                ? "this process's certificate has ended: nobody makes a connection with it any more"
                : "this process's certificate ends soon; issue a new one with `fature cluster issue --force`",
            metadata: ["certificate": "\(paths.certificate)", "until": "\(certificate.notValidAfter.formatted(.iso8601))"])
    }
}
