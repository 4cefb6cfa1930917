import Foundation

/// The right to run the cluster of one folder. The operating system gives it back when its holder dies, however it dies, so a
/// lock file that was left behind is never in the way.
struct DirectoryLock: ~Copyable {
    private let descriptor: Int32

    /// Takes the lock and notes who holds it.
    init(_ directory: DataDirectory) throws(CommandError) {
        descriptor = open(directory.lockFile, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .file("open", directory.lockFile, errno: errno) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            let holder = Self.note(in: directory.lockFile).map { " (pid \($0))" } ?? ""
            close(descriptor)
            throw CommandError(
                .alreadyRunning,
                "a cluster already runs in \(directory.path)\(holder); see it with `fature status`, stop it with `fature down`")
        }
        ftruncate(descriptor, 0)
        Console.writeAll(Array("\(getpid())\n".utf8), to: descriptor)
    }

    deinit { close(descriptor) }

    /// Who holds the lock of a folder now, or nil if nobody does.
    static func holder(of directory: DataDirectory) throws(CommandError) -> pid_t? {
        let descriptor = open(directory.lockFile, O_RDWR | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw .file("open", directory.lockFile, errno: errno)
        }
        defer { close(descriptor) }
        if flock(descriptor, LOCK_SH | LOCK_NB) == 0 { return nil }
        return note(in: directory.lockFile)
    }

    private static func note(in path: String) -> pid_t? {
        FileManager.default.contents(atPath: path)
            .flatMap { pid_t(String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)) }
    }
}
