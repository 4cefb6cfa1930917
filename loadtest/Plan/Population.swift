/// The affiliates a run may ask about.
package struct Population: Sendable {
    /// One affiliate.
    package struct Member: Sendable, Equatable {
        package var id: Int64
        package var root: Int64
        package var shard: UInt8
        package var isActive: Bool
        /// Nobody is below it.
        package var isLeaf: Bool

        package init(id: Int64, root: Int64, shard: UInt8, isActive: Bool, isLeaf: Bool) {
            self.id = id
            self.root = root
            self.shard = shard
            self.isActive = isActive
            self.isLeaf = isLeaf
        }
    }

    /// In ascending order of ids, so that the same network gives the same choices.
    package let members: [Member]

    package init(_ members: [Member]) { self.members = members.sorted { $0.id < $1.id } }
}
