import Foundation

/// `fature up --detach`: the cluster runs in a process of its own, and this one stays until it is ready or has failed.
///
/// The pipe between them is the second process's descriptor 3. It carries lines: `progress …`, `ready …`, `failed STATUS …`.
/// The end of the pipe without one of the last two means that the second process died.
enum DetachedStart {
    private static let variable = "FATURE_UP_REPORT_DESCRIPTOR"

    /// Where the detached process reports, nil in any other.
    static let reportDescriptor: Int32? = ProcessInfo.processInfo.environment[variable].flatMap { Int32($0) }

    static func run(_ options: UpOptions) throws(CommandError) {
        let directory = DataDirectory(options.dataDir)
        try directory.create()
        try LogRotation.rotateIfLarge(directory.log("up"))
        let ends = try Descriptors.makePipe()
        var environment = ProcessInfo.processInfo.environment
        environment[variable] = "3"
        let child = try ChildProcess.start(
            [Programs.ourselves()] + CommandLine.arguments.dropFirst(), environment: environment,
            output: .file(directory.log("up")), passing: ends.writer)
        close(ends.writer)
        try relay(from: ends.reader, child: child, log: directory.log("up"))
    }

    private static func relay(from descriptor: Int32, child: ChildProcess, log: String) throws(CommandError) {
        var buffer: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { break }
            buffer += chunk[..<count]
            while let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
                let line = String(decoding: buffer[..<end], as: UTF8.self)
                buffer.removeSubrange(...end)
                if line == "ready" { return }
                if let text = line.prefixRemoved("progress ") { Console.progress(text) }
                if let text = line.prefixRemoved("answer ") { Console.answer(text) }
                if let text = line.prefixRemoved("failed ") {
                    let parts = text.split(separator: " ", maxSplits: 1)
                    let status = parts.first.flatMap { Int32($0) }.flatMap(ExitStatus.init(rawValue:)) ?? .processFailed
                    throw CommandError(status, parts.count > 1 ? String(parts[1]) : "the start failed; see \(log)")
                }
            }
        }
        throw CommandError(.processFailed, "the detached process died: \(LogTail.lastLine(of: log) ?? "no output"); see \(log)")
    }
}

extension String {
    fileprivate func prefixRemoved(_ prefix: String) -> String? {
        hasPrefix(prefix) ? String(dropFirst(prefix.count)) : nil
    }
}
