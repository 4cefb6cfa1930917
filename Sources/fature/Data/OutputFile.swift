import Foundation

/// A file that appears whole or not at all: written under another name beside it, renamed at the end. `-` is standard output.
///
/// What is there already and is no ordinary file (a device, a pipe, a terminal) is written to as it is, never replaced. A symbolic
/// link stays: what it points to is replaced.
final class OutputFile {
    private let path: String
    private let descriptor: Int32
    private let ending: Ending

    private enum Ending {
        /// Standard output, which others go on using.
        case leave
        case close
        case rename(temporary: String, target: String)
    }

    init(_ path: String) throws(CommandError) {
        self.path = path
        guard path != "-", path != "/dev/stdout" else {
            descriptor = STDOUT_FILENO
            ending = .leave
            return
        }
        guard let target = try Self.replaceable(path) else {
            descriptor = open(path, O_WRONLY | O_APPEND | O_CLOEXEC)
            guard descriptor >= 0 else { throw .file("write to", path, errno: errno) }
            ending = .close
            return
        }
        let temporary = "\(target).part-\(getpid())"
        descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .file("create", temporary, errno: errno) }
        ending = .rename(temporary: temporary, target: target)
    }

    /// The names of open descriptors look like ordinary files when output is redirected to one, and whoever opened it goes on writing.
    private static let descriptorFolders = ["/dev/fd/", "/dev/std", "/proc/"]

    /// The name under which the file is to appear, links resolved; nil if what is there is to be written to as it is.
    private static func replaceable(_ path: String) throws(CommandError) -> String? {
        if descriptorFolders.contains(where: path.hasPrefix) { return nil }
        var entry = stat()
        guard lstat(path, &entry) == 0 else {
            guard errno == ENOENT else { throw .file("create", path, errno: errno) }
            return path
        }
        guard entry.st_mode & S_IFMT == S_IFLNK else { return try isReplaceable(entry, path) ? path : nil }
        guard stat(path, &entry) == 0 else { throw .file("follow the link", path, errno: errno) }
        guard try isReplaceable(entry, path) else { return nil }
        guard let resolved = realpath(path, nil) else { throw .file("follow the link", path, errno: errno) }
        defer { free(resolved) }
        return String(cString: resolved)
    }

    private static func isReplaceable(_ entry: stat, _ path: String) throws(CommandError) -> Bool {
        switch entry.st_mode & S_IFMT {
        case S_IFDIR: throw .file("write to", path, errno: EISDIR)
        case let type: type == S_IFREG
        }
    }

    /// Whether an ordinary file is there under that name.
    static func isOrdinary(_ path: String) -> Bool {
        var entry = stat()
        return path != "-" && stat(path, &entry) == 0 && entry.st_mode & S_IFMT == S_IFREG
    }

    func write(_ bytes: [UInt8]) throws(CommandError) {
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw .file("write to", path, errno: errno) }
            written += count
        }
    }

    /// Puts the file in its place.
    func finish() throws(CommandError) {
        if case .leave = ending { return }
        guard fsync(descriptor) == 0 || errno == EINVAL || errno == EROFS, close(descriptor) == 0 else {
            throw .file("write to", path, errno: errno)
        }
        guard case .rename(let temporary, let target) = ending else { return }
        guard rename(temporary, target) == 0 else { throw .file("create", path, errno: errno) }
    }

    /// Takes the unfinished file away.
    func discard() {
        if case .leave = ending { return }
        close(descriptor)
        if case .rename(let temporary, _) = ending { unlink(temporary) }
    }

    /// Writes a text and a line end to a file, whole or not at all.
    static func write(_ text: String, to path: String) throws(CommandError) {
        let file = try OutputFile(path)
        do throws(CommandError) {
            try file.write(Array("\(text)\n".utf8))
            try file.finish()
        } catch {
            file.discard()
            throw error
        }
    }
}
