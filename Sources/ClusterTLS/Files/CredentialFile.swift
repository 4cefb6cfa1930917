import Foundation

/// Files of certificates and keys: read with a limit, made exclusively, and replaced only when that was asked for.
package enum CredentialFile {
    /// A file larger than this holds no certificates of ours. Bytes.
    package static let bytesMax = 256 * 1024

    /// Who may read a new file.
    package enum Readers: Sendable {
        case owner
        case everybody

        var mode: mode_t { self == .owner ? 0o600 : 0o644 }
    }

    /// The text of a file.
    /// - Throws: `file` if it cannot be read, `unreadable` if it is too large or no text.
    package static func read(_ path: String) throws(ClusterTLSError) -> String {
        // Without waiting: a named pipe has nobody at its other end.
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw refused("read", path) }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: bytesMax + 1)
        var count = 0
        while count < bytes.count {
            let part = bytes[count...].withUnsafeMutableBytes { Foundation.read(descriptor, $0.baseAddress, $0.count) }
            if part < 0 && errno == EINTR { continue }
            guard part >= 0 else { throw refused("read", path) }
            if part == 0 { break }
            count += part
        }
        guard count <= bytesMax else { throw ClusterTLSError(.unreadable, "\(path) is larger than \(bytesMax) bytes") }
        guard let text = String(validating: bytes[..<count], as: UTF8.self) else {
            throw ClusterTLSError(.unreadable, "\(path) is no text; certificates and keys are wanted in PEM")
        }
        return text
    }

    package static func exists(_ path: String) -> Bool {
        var entry = stat()
        return lstat(path, &entry) == 0
    }

    /// Makes a folder for its owner alone, if it is not there.
    /// - Throws: `file`.
    package static func makeFolder(_ path: String) throws(ClusterTLSError) {
        var parent = ""
        for part in path.split(separator: "/", omittingEmptySubsequences: false) {
            parent += parent.isEmpty && !path.hasPrefix("/") ? String(part) : "/" + part
            if part.isEmpty { continue }
            if mkdir(parent, 0o700) != 0 && errno != EEXIST { throw refused("make the folder", parent) }
        }
        var entry = stat()
        guard stat(path, &entry) == 0, entry.st_mode & S_IFMT == S_IFDIR else {
            throw ClusterTLSError(.file, "\(path) is not a folder")
        }
    }

    /// Writes a new file, whole or not at all, readable by `readers` from its first moment.
    /// - Parameter isReplacing: whether a file that is there gives way, at once and never half written.
    /// - Throws: `exists`, `file`.
    package static func write(
        _ text: String, to path: String, readers: Readers, isReplacing: Bool
    ) throws(ClusterTLSError) {
        let scratch = "\(path).new-\(getpid())"
        let descriptor = open(scratch, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, readers.mode)
        guard descriptor >= 0 else { throw refused("write", scratch) }
        var isOpen = true
        defer {
            if isOpen { close(descriptor) }
            unlink(scratch)
        }
        // The process's mask may have taken rights away from everybody; it must not decide.
        guard fchmod(descriptor, readers.mode) == 0 else { throw refused("write", scratch) }
        let bytes = Array(text.utf8)
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { throw refused("write", scratch) }
            written += count
        }
        guard fsync(descriptor) == 0 else { throw refused("write", scratch) }
        isOpen = false
        guard close(descriptor) == 0 else { throw refused("write", scratch) }
        if isReplacing {
            guard rename(scratch, path) == 0 else { throw refused("replace", path) }
        } else {
            // Fails where a file is, also one that came a moment ago.
            guard link(scratch, path) == 0 else {
                if errno == EEXIST { throw exists(path, "") }
                throw refused("write", path)
            }
        }
    }

    static func exists(_ path: String, _ loss: String) -> ClusterTLSError {
        ClusterTLSError(.exists, "\(path) is there already\(loss); --force replaces it")
    }

    private static func refused(_ action: String, _ path: String) -> ClusterTLSError {
        let reason = String(cString: strerror(errno))
        return ClusterTLSError(.file, "cannot \(action) \(path): \(reason); check the path and its permissions")
    }
}
