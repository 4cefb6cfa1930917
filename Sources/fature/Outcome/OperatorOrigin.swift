import Core
import Foundation

extension ChangeOrigin {
    /// Whoever runs this command, as the audit names them: `cli:maria`.
    static var commandLine: ChangeOrigin {
        // Behind sudo everybody is root.
        let name =
            ProcessInfo.processInfo.environment.given("SUDO_USER")
            ?? getpwuid(geteuid()).map { String(cString: $0.pointee.pw_name) }
        return ChangeOrigin(actor: "cli:\(name ?? String(geteuid()))")
    }
}
