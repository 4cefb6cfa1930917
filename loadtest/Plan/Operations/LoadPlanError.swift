/// A scenario cannot be carried out on this network.
package struct LoadPlanError: Error, Equatable, Sendable, CustomStringConvertible {
    package enum Code: String, Sendable, CaseIterable {
        /// There is nobody to choose for an operation.
        case nobody
        /// The hot root has no tree.
        case noHotRoot = "no_hot_root"
        /// The run's name does not fit into external ids.
        case runName = "run_name"
    }

    package let code: Code
    /// What is wrong, and what to do.
    package let description: String

    init(_ code: Code, _ description: String) {
        self.code = code
        self.description = description
    }
}
