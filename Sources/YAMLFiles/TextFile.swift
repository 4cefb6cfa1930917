import Foundation

/// The contents of a file that people edit.
package enum TextFile {
    /// A file that cannot be read; says why, not which.
    package struct Fault: Error, Equatable, Sendable {
        package let message: String
    }

    /// All bytes of a file.
    ///
    /// - Parameters:
    ///   - bytesMax: a longer file is refused, and no more than that is read of it.
    ///   - what: what the file should be, as in `a plan`.
    package static func bytes(path: String, bytesMax: Int, what: String) throws(Fault) -> Data {
        let data: Data
        var isFolder: ObjCBool = false
        guard !(FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue) else {
            throw Fault(message: "it is a folder; name a file in it")
        }
        do {
            guard let file = FileHandle(forReadingAtPath: path) else {
                throw Fault(message: "there is no such file, or it may not be read")
            }
            data = try file.read(upToCount: bytesMax + 1) ?? Data()
        } catch {
            throw error as? Fault ?? Fault(message: "the file cannot be read: \(error)")
        }
        guard data.count <= bytesMax else {
            throw Fault(message: "the file is larger than \(bytesMax) bytes; \(what) is not")
        }
        return data
    }

    /// The text of a file, which must be UTF-8.
    package static func contents(path: String, bytesMax: Int, what: String) throws(Fault) -> String {
        guard let text = String(validating: try bytes(path: path, bytesMax: bytesMax, what: what), as: UTF8.self) else {
            throw Fault(message: "the file is not UTF-8; save it as UTF-8 text")
        }
        return text
    }
}
