import Foundation

/// Keeps a log that another process appends to within bounds: `name.log`, then `name.log.1` (newer) to `name.log.3` (older).
///
/// The writer keeps its descriptor, so the file is copied and then emptied; it goes on at the new end, because it appends. A
/// line written between the end of the copy and the emptying is lost.
enum LogRotation {
    static let bytesMax: Int64 = 64 * 1024 * 1024
    static let olderFilesMax = 3

    static func rotateIfLarge(_ path: String, bytesMax: Int64 = Self.bytesMax) throws(CommandError) {
        var facts = stat()
        guard stat(path, &facts) == 0, facts.st_size > bytesMax else { return }
        for number in stride(from: olderFilesMax, to: 1, by: -1) {
            guard rename("\(path).\(number - 1)", "\(path).\(number)") == 0 || errno == ENOENT else {
                throw .file("rename", "\(path).\(number - 1)", errno: errno)
            }
        }
        let source = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC)
        guard source >= 0 else { throw .file("open", path, errno: errno) }
        defer { close(source) }
        let target = open("\(path).1", O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard target >= 0 else { throw .file("write", "\(path).1", errno: errno) }
        defer { close(target) }
        while true {
            let count = sendfile(target, source, nil, 1 << 24)
            if count < 0 && errno == EINTR { continue }
            // What cannot be kept (a full disk) is dropped: the bound comes first.
            if count <= 0 { break }
        }
        guard ftruncate(source, 0) == 0 else { throw .file("empty", path, errno: errno) }
    }
}
