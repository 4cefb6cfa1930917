import Glibc
import Synchronization

/// A new folder below the system's temporary folder that nobody else has, removed with its owner or with this process.
package final class ScratchFolder: Sendable {
    package let path: String
    private let janitor: WatchingShell

    /// Servers that are just dying may still write, so removing may take several attempts.
    private static let script = """
        trap '' INT TERM HUP
        read -r order
        tries=0
        until rm -rf "$1" 2> /dev/null; do
            tries=$((tries + 1)); [ $tries -lt 100 ] || exit 1
            sleep 0.1
        done
        """

    package init(_ kind: String) throws {
        let parent = getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(parent)/fature-test-\(kind)-\(getpid())-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw TestServerError("cannot make a folder in \(parent)") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        do {
            janitor = try WatchingShell(Self.script, [path])
        } catch {
            rmdir(path)
            throw error
        }
    }

    deinit { janitor.release() }
}
