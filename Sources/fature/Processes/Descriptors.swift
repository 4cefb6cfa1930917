import Foundation

/// File descriptors that no child inherits unless it is given them.
enum Descriptors {
    /// Both ends of a new pipe, reader first.
    static func makePipe(nonBlocking: Bool = false) throws(CommandError) -> (reader: Int32, writer: Int32) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else {
            throw CommandError(.systemRefused, "cannot make a pipe: \(systemMessage(errno)); raise `ulimit -n`")
        }
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            if nonBlocking { _ = fcntl(end, F_SETFL, fcntl(end, F_GETFL) | O_NONBLOCK) }
        }
        return (ends[0], ends[1])
    }

    /// Marks everything above standard error to be closed in children, also what this process itself inherited (a shell's or
    /// make's descriptors), so that no server that outlives us holds them open.
    static func keepFromChildren() {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? []
        for descriptor in names.compactMap({ Int32($0) }) where descriptor > 2 {
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        }
    }
}
