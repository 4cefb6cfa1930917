import Foundation

/// Under which user a private server runs, and the words before its command line that make it so.
///
/// PostgreSQL refuses to run as root, and Redis need not. `setpriv` (util-linux) changes the user and exec's, so the pid stays
/// the server's; it also asks the kernel to stop the server if `fature up` dies without stopping it.
struct ServerAccount {
    /// Nil: the user we are.
    let user: SystemUser?
    private let setpriv: String?

    /// - Parameter names: users to run as when we are root, the best first.
    init(names: [String], server: String, package: String, programs: Programs) throws(CommandError) {
        setpriv = programs.find("setpriv")
        guard SystemUser.weAreRoot else {
            user = nil
            return
        }
        guard let found = names.lazy.compactMap({ SystemUser(named: $0) }).first else {
            throw CommandError(
                .programMissing,
                "\(server) does not run as root and this machine has no user \(names.joined(separator: " or ")); "
                    + "install the Debian package \(package), or start fature as another user")
        }
        guard setpriv != nil else {
            throw CommandError(.programMissing, "setpriv is not on the PATH; install the Debian package util-linux")
        }
        user = found
    }

    /// The command line that runs `arguments` as the account's user.
    ///
    /// - Parameter deathSignal: what the kernel sends the server if this process dies, `INT` or `TERM`.
    func command(_ arguments: [String], deathSignal: String? = nil) -> [String] {
        guard let setpriv else { return arguments }
        var prefix = [setpriv]
        if let user { prefix += ["--reuid=\(user.name)", "--regid=\(user.groupID)", "--init-groups"] }
        if let deathSignal { prefix += ["--pdeathsig", deathSignal] }
        return prefix.count == 1 ? arguments : prefix + ["--"] + arguments
    }
}
