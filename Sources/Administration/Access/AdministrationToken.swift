import Foundation

/// The secret that operators show. It is in a file, since a command line is for everybody to see.
package struct AdministrationToken: Sendable {
    private let bytes: [UInt8]

    package static let bytesMin = 32
    package static let bytesMax = 512

    /// - Throws: `misconfigured` for what is too short, too long, or has other characters than visible ASCII.
    package init(_ text: String) throws(AdministrationFault) {
        let bytes = Array(text.utf8)
        guard (Self.bytesMin...Self.bytesMax).contains(bytes.count), bytes.allSatisfy({ (0x21...0x7e).contains($0) }) else {
            throw AdministrationFault(
                .misconfigured,
                "a token has \(Self.bytesMin) to \(Self.bytesMax) visible ASCII characters; make one with: openssl rand -hex 32")
        }
        self.bytes = bytes
    }

    /// The first line of a file that nobody but its owner, which is us, can read.
    /// - Throws: `misconfigured`: what is wrong with which file.
    package init(file: String) throws(AdministrationFault) {
        func bad(_ why: String) -> AdministrationFault { AdministrationFault(.misconfigured, "token file \(file): \(why)") }
        // Without waiting: a named pipe has nobody at its other end.
        let descriptor = open(file, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw bad("\(String(cString: strerror(errno))); check the path and its permissions") }
        defer { close(descriptor) }
        var facts = stat()
        guard fstat(descriptor, &facts) == 0, facts.st_mode & S_IFMT == S_IFREG else { throw bad("it is no regular file") }
        guard facts.st_uid == geteuid() else { throw bad("it belongs to another user; only its owner may use it") }
        guard facts.st_mode & 0o077 == 0 else { throw bad("others can read or write it; chmod 600 keeps it to its owner") }
        var bytes = [UInt8](repeating: 0, count: Self.bytesMax + 2)
        let count = read(descriptor, &bytes, bytes.count)
        guard count >= 0 else { throw bad(String(cString: strerror(errno))) }
        let line = String(decoding: bytes.prefix(count).prefix { $0 != 0x0a && $0 != 0x0d }, as: UTF8.self)
        do throws(AdministrationFault) { self = try AdministrationToken(line) } catch { throw bad(error.message) }
    }

    /// Whether somebody has shown this token. It takes as long whatever of it is right.
    package func matches(_ shown: some Collection<UInt8>) -> Bool {
        var difference = UInt64(UInt(bitPattern: bytes.count ^ shown.count))
        var at = 0
        for byte in shown {
            difference |= UInt64(byte ^ bytes[at])
            at = at + 1 == bytes.count ? 0 : at + 1
        }
        return difference == 0
    }

    /// As a request carries it (RFC 6750).
    package var authorization: String { "Bearer " + String(decoding: bytes, as: UTF8.self) }

    /// The token of a request's header `authorization`, or nil if it bears none.
    package static func shown(in header: String) -> Substring.UTF8View? {
        let words = header.split(separator: " ", maxSplits: 1)
        guard words.count == 2, words[0].lowercased() == "bearer" else { return nil }
        return words[1].utf8
    }
}
