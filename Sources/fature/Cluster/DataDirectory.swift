import Foundation

/// The folder in which one machine's cluster keeps everything: `.fature` unless `--data-dir` says otherwise.
struct DataDirectory {
    static let defaultPath = ".fature"

    /// Absolute, so that it means the same to every process.
    let path: String

    init(_ path: String) {
        self.path = URL(fileURLWithPath: path).standardizedFileURL.path
    }

    var lockFile: String { "\(path)/lock" }
    var stateFile: String { "\(path)/cluster.json" }
    var logs: String { "\(path)/logs" }
    var postgres: String { "\(path)/postgres" }
    var redis: String { "\(path)/redis" }
    func log(_ process: String) -> String { "\(logs)/\(process).log" }

    /// Makes the folder and its log folder.
    ///
    /// For root the folder can be passed through but not listed by others (0711), because the servers in it run as users of
    /// their own; every file and folder within is closed. For anyone else it is closed altogether (0700).
    func create() throws(CommandError) {
        try makeFolder(path, mode: SystemUser.weAreRoot ? 0o711 : 0o700)
        try makeFolder(logs, mode: 0o700)
    }

    /// Makes one folder of the given mode, owned by `owner` if one is given. A folder that is there already gets that mode.
    func makeFolder(_ folder: String, mode: mode_t, owner: SystemUser? = nil) throws(CommandError) {
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw CommandError(
                .fileRefused, "cannot create the folder \(folder): \(error.localizedDescription); choose another with --data-dir")
        }
        guard chmod(folder, mode) == 0 else { throw .file("set the permissions of", folder, errno: errno) }
        if let owner, chown(folder, owner.userID, owner.groupID) != 0 { throw .file("set the owner of", folder, errno: errno) }
    }
}
