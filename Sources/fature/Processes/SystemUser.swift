import Foundation

/// A user of this machine, as the password file names it.
struct SystemUser: Equatable {
    let name: String
    let userID: uid_t
    let groupID: gid_t

    /// The user, or nil if this machine has none of that name.
    init?(named name: String) {
        guard let entry = getpwnam(name) else { return nil }
        self.name = name
        userID = entry.pointee.pw_uid
        groupID = entry.pointee.pw_gid
    }

    static var weAreRoot: Bool { geteuid() == 0 }
}
