import Commission
import Foundation

/// A commission plan as a YAML file, as people edit it. `cluster/plans/` has samples.
package enum PlanFile {
    /// The largest file that is read, in bytes. A plan of a thousand levels for each type has about 40,000.
    package static let bytesMax = 256 << 10

    /// Reads a plan from a file.
    ///
    /// - Parameter issue: what takes the place of a version or a date that the file does not name. Nil: it must name both.
    package static func read(path: String, issue: CommissionPlan.Issue? = nil) throws(PlanFileError) -> CommissionPlan {
        try parse(contents(path: path), file: path, issue: issue)
    }

    /// The text of a file, for `parse`.
    package static func contents(path: String) throws(PlanFileError) -> String {
        let data: Data
        do {
            guard let file = FileHandle(forReadingAtPath: path) else {
                throw PlanFileError(unreadable: path, "there is no such file, or it may not be read")
            }
            data = try file.read(upToCount: bytesMax + 1) ?? Data()
        } catch {
            throw error as? PlanFileError ?? PlanFileError(unreadable: path, "the file cannot be read: \(error)")
        }
        guard data.count <= bytesMax else {
            throw PlanFileError(unreadable: path, "the file is larger than \(bytesMax) bytes; a plan is not")
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw PlanFileError(unreadable: path, "the file is not UTF-8; save it as UTF-8 text")
        }
        return text
    }

    /// Reads a plan from the text of a file; `file` is the name that errors give.
    package static func parse(_ text: String, file: String, issue: CommissionPlan.Issue? = nil) throws(PlanFileError)
        -> CommissionPlan
    {
        do {
            return try CommissionPlan(YAMLNodes.read(text), issue: issue)
        } catch {
            throw PlanFileError(file: file, error)
        }
    }
}
