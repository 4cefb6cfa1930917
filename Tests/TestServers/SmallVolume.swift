import Glibc

/// A file system of a few megabytes, for a server whose disk is to be full.
///
/// It is a tmpfs in a mount namespace that a process of ours holds open: nothing is mounted where others see it, and it goes with that process.
/// That works as root, and as anybody else where user namespaces are allowed.
package final class SmallVolume: Sendable {
    /// As the processes inside see it.
    package let path: String
    private let scratch: ScratchFolder
    private let holder: ServerProcess

    private static let chunkBytes = [1 << 20, 4096]

    package init(megabytes: Int) throws {
        scratch = try ScratchFolder("volume")
        path = "\(scratch.path)/volume"
        guard mkdir(path, 0o777) == 0, chmod(scratch.path, 0o755) == 0 else { throw TestServerError("cannot make \(path)") }
        let mount = "mount -t tmpfs -o size=\(megabytes)m,mode=777 tmpfs \"$1\" && : > \"$1/ready\" && exec sleep infinity"
        let log = "\(scratch.path)/mount.log"
        holder = try ServerProcess(
            log: log,
            command: ["unshare"] + (getuid() == 0 ? [] : ["--map-root-user"]) + ["--mount", "sh", "-c", mount, "sh", path])
        let end = ContinuousClock.now + .seconds(10)
        while access("\(seenFromOutside)/ready", F_OK) != 0 {
            guard holder.isRunning, ContinuousClock.now < end else {
                holder.end()
                throw TestServerError(
                    "no small volume: run the tests as root with CAP_SYS_ADMIN, or where user namespaces are allowed:\n"
                        + (ChildProcess.contents(log) ?? ""))
            }
            usleep(10_000)
        }
    }

    /// A command as it has to be started to see the volume.
    package func inside(_ command: [String]) -> [String] {
        let namespaces = "/proc/\(holder.pid)/ns"
        if getuid() == 0 { return ["nsenter", "--mount=\(namespaces)/mnt"] + command }
        // In the volume's own namespace we are root, which PostgreSQL refuses: one more namespace, in which we are ourselves again.
        return [
            "nsenter", "--user=\(namespaces)/user", "--mount=\(namespaces)/mnt", "--preserve-credentials", "unshare", "--user",
            "--map-user=\(getuid())", "--map-group=\(getgid())",
        ] + command
    }

    /// Takes all the room that is left.
    package func fill() throws {
        let descriptor = open("\(seenFromOutside)/filler", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw TestServerError("cannot fill \(path): error \(errno)") }
        defer { close(descriptor) }
        for bytes in Self.chunkBytes {
            let chunk = [UInt8](repeating: 0, count: bytes)
            while write(descriptor, chunk, bytes) == bytes {}
        }
        guard errno == ENOSPC else { throw TestServerError("cannot fill \(path): error \(errno)") }
    }

    /// Makes room again.
    package func makeRoom() throws {
        guard unlink("\(seenFromOutside)/filler") == 0 else {
            throw TestServerError("cannot make room in \(path): error \(errno)")
        }
    }

    private var seenFromOutside: String { "/proc/\(holder.pid)/root\(path)" }
}
