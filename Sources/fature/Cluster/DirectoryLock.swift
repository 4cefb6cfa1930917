import Foundation

/// The right to run the cluster of one folder. The operating system gives it back when its holder dies, however it dies, so a
/// lock file that was left behind is never in the way.
///
/// It is a lock of the open file, not of the process. Whether somebody has it can be asked without taking it, so that a
/// question is never in the way of a start.
struct DirectoryLock: ~Copyable {
    /// F_OFD_GETLK and F_OFD_SETLK of fcntl.h, which glibc shows to GNU sources alone.
    private static let askCommand: Int32 = 36
    private static let takeCommand: Int32 = 37

    private let descriptor: Int32

    /// Takes the lock and notes who holds it. Nothing but a file that a `fature up` of the same user made is written to.
    init(_ directory: DataDirectory) throws(CommandError) {
        let path = directory.lockFile
        descriptor = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .file("open", path, errno: errno) }
        var facts = stat()
        guard fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG, facts.st_uid == geteuid(), facts.st_nlink == 1
        else {
            close(descriptor)
            throw CommandError(
                .fileRefused,
                "\(path) is not a lock file of ours (a regular file with one name, owned by us); choose another --data-dir")
        }
        var whole = Self.wholeFile()
        guard fcntl(descriptor, Self.takeCommand, &whole) == 0 else {
            let number = errno
            let holder = Self.note(in: descriptor).map { " (pid \($0))" } ?? ""
            close(descriptor)
            guard number == EAGAIN || number == EACCES else { throw .file("lock", path, errno: number) }
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
        let descriptor = open(directory.lockFile, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw .file("open", directory.lockFile, errno: errno)
        }
        defer { close(descriptor) }
        var whole = wholeFile()
        guard fcntl(descriptor, askCommand, &whole) == 0 else { throw .file("look at", directory.lockFile, errno: errno) }
        return whole.l_type == Int16(F_UNLCK) ? nil : note(in: descriptor)
    }

    private static func wholeFile() -> flock {
        flock(l_type: Int16(F_WRLCK), l_whence: Int16(SEEK_SET), l_start: 0, l_len: 0, l_pid: 0)
    }

    private static func note(in descriptor: Int32) -> pid_t? {
        var bytes = [UInt8](repeating: 0, count: 32)
        let count = pread(descriptor, &bytes, bytes.count, 0)
        guard count > 0 else { return nil }
        return pid_t(String(decoding: bytes[..<count], as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines))
    }
}
