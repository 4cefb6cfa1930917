import Foundation

/// Files that hold secrets: readable and writable by their owner alone from the first moment.
enum PrivateFile {
    /// Writes the whole file under another name, then puts it in place, so that no reader ever sees half of it.
    static func write(_ contents: String, to path: String, owner: SystemUser? = nil) throws(CommandError) {
        let scratch = "\(path).new"
        unlink(scratch)
        let descriptor = open(scratch, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .file("write", scratch, errno: errno) }
        defer { close(descriptor) }
        let bytes = Array(contents.utf8)
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw .file("write", scratch, errno: errno) }
            written += count
        }
        if let owner, fchown(descriptor, owner.userID, owner.groupID) != 0 {
            throw .file("set the owner of", scratch, errno: errno)
        }
        guard fsync(descriptor) == 0, rename(scratch, path) == 0 else { throw .file("write", path, errno: errno) }
    }

    /// The file's text, or nil if there is no such file.
    static func read(_ path: String) throws(CommandError) -> String? {
        guard access(path, F_OK) == 0 else { return nil }
        guard let data = FileManager.default.contents(atPath: path) else { throw .file("read", path, errno: EACCES) }
        return String(decoding: data, as: UTF8.self)
    }
}
