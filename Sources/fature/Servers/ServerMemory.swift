import Glibc

/// How much memory each of the private servers may take for its data.
enum ServerMemory {
    /// An eighth of the machine's, from 256 MB to 2 GB.
    static var megabytes: Int {
        let bytes = sysconf(Int32(_SC_PHYS_PAGES)) * sysconf(Int32(_SC_PAGESIZE))
        return min(max(bytes >> 23, 256), 2048)
    }
}
