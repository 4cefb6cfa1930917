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
    /// The operators' token, as the coordinator reads it.
    var tokenFile: String { "\(path)/admin-token" }
    var logs: String { "\(path)/logs" }
    var postgres: String { "\(path)/postgres" }
    var redis: String { "\(path)/redis" }
    func log(_ process: String) -> String { "\(logs)/\(process).log" }

    /// Makes the folder, or finds that it is one of ours; a folder of anybody else's is left as it is.
    ///
    /// For root a new folder can be passed through but not listed by others (0711), because the servers in it run as users of
    /// their own; every file and folder within is closed. For anyone else it is closed altogether (0700). The mode of a folder
    /// that is there already is its owner's business.
    ///
    /// - Throws: `fileRefused` for a folder of another user, one that everybody may write to, or one that holds other things.
    func create() throws(CommandError) {
        let parent = URL(fileURLWithPath: path).deletingLastPathComponent().path
        do {
            try FileManager.default.createDirectory(atPath: parent, withIntermediateDirectories: true)
        } catch {
            throw CommandError(
                .fileRefused, "cannot create the folder \(path): \(error.localizedDescription); choose another with --data-dir")
        }
        let mode: mode_t = SystemUser.weAreRoot ? 0o711 : 0o700
        if mkdir(path, mode) == 0 {
            // As asked, whatever the umask takes away.
            guard chmod(path, mode) == 0 else { throw .file("set the permissions of", path, errno: errno) }
            return
        }
        guard errno == EEXIST else { throw .file("create the folder", path, errno: errno) }
        if let complaint = try complaintAboutExisting() {
            throw CommandError(
                .fileRefused, "\(path) \(complaint); nothing in it was changed: name a new or an empty folder with --data-dir")
        }
    }

    /// Why a folder that is there already cannot be the cluster's, or nil if it can.
    private func complaintAboutExisting() throws(CommandError) -> String? {
        var facts = stat()
        guard stat(path, &facts) == 0 else { throw .file("look at", path, errno: errno) }
        guard facts.st_mode & S_IFMT == S_IFDIR else { return "is not a folder" }
        guard facts.st_uid == geteuid() else { return "belongs to another user" }
        guard facts.st_mode & S_IWOTH == 0 else { return "can be written to by every user of this machine" }
        let names: Set<String>
        do { names = Set(try FileManager.default.contentsOfDirectory(atPath: path)) } catch {
            throw CommandError(.fileRefused, "cannot list \(path): \(error.localizedDescription); check its permissions")
        }
        // A fresh file system has this folder.
        if names.subtracting(["lost+found"]).isEmpty { return nil }
        return names.contains("lock") || names.contains("cluster.json")
            ? nil : "holds other things and was not made by `fature up`"
    }

    /// Makes one folder within, of the given mode, owned by `owner` if one is given. One that is there already gets both, but
    /// must be a folder of ours or of the owner's; a symbolic link is refused.
    func makeFolder(_ folder: String, mode: mode_t, owner: SystemUser? = nil) throws(CommandError) {
        guard mkdir(folder, mode) == 0 || errno == EEXIST else { throw .file("create the folder", folder, errno: errno) }
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else { throw .file("open the folder", folder, errno: errno) }
        defer { close(descriptor) }
        var facts = stat()
        guard fstat(descriptor, &facts) == 0 else { throw .file("look at", folder, errno: errno) }
        // What root made for an account may have been made for another one before; others cannot make anything in here.
        guard facts.st_uid == geteuid() || SystemUser.weAreRoot else {
            throw CommandError(.fileRefused, "\(folder) belongs to another user; choose another --data-dir")
        }
        guard fchmod(descriptor, mode) == 0 else { throw .file("set the permissions of", folder, errno: errno) }
        if let owner, fchown(descriptor, owner.userID, owner.groupID) != 0 {
            throw .file("set the owner of", folder, errno: errno)
        }
    }
}
