import Foundation

/// A file that appears whole or not at all: written under another name beside it, renamed at the end. `-` is standard output.
final class OutputFile {
    private let path: String
    private let temporary: String?
    private let descriptor: Int32

    init(_ path: String) throws(CommandError) {
        self.path = path
        guard path != "-" else {
            temporary = nil
            descriptor = STDOUT_FILENO
            return
        }
        let temporary = "\(path).part-\(getpid())"
        descriptor = open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .file("create", temporary, errno: errno) }
        self.temporary = temporary
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
        guard let temporary else { return }
        guard fsync(descriptor) == 0 || errno == EINVAL, close(descriptor) == 0 else {
            throw .file("write to", path, errno: errno)
        }
        guard rename(temporary, path) == 0 else { throw .file("create", path, errno: errno) }
    }

    /// Takes the unfinished file away.
    func discard() {
        guard let temporary else { return }
        close(descriptor)
        unlink(temporary)
    }
}
