/// One arena out of three, and where each record of the three ends up.
struct MergedProfiles {
    let arena: ProfileArena
    private let sources: (forest: ProfileArena, overlay: ProfileArena, arrivals: ProfileArena)
    private let compacting: Bool
    private var overlayShift: UInt32 = 0
    private var arrivalShift: UInt32 = 0

    /// Compacting copies record by record what is asked for and leaves the rest behind; otherwise everything is taken as it is.
    init(_ forest: ProfileArena, _ overlay: ProfileArena, _ arrivals: ProfileArena, compacting: Bool) {
        sources = (forest, overlay, arrivals)
        self.compacting = compacting
        if forest.count == 0 && overlay.count == 0 && !compacting {
            arena = arrivals
            return
        }
        arena = ProfileArena(capacity: forest.count + overlay.count + arrivals.count)
        if !compacting {
            arena.append(contentsOf: forest)
            overlayShift = arena.append(contentsOf: overlay)
            arrivalShift = arena.append(contentsOf: arrivals)
        }
    }

    @inline(__always)
    func offset(forest offset: UInt32) -> UInt32 {
        compacting ? arena.append(recordAt: offset, of: sources.forest) : offset
    }

    @inline(__always)
    func offset(overlay offset: UInt32) -> UInt32 {
        compacting ? arena.append(recordAt: offset, of: sources.overlay) : offset + overlayShift
    }

    @inline(__always)
    func offset(arrival offset: UInt32) -> UInt32 {
        compacting ? arena.append(recordAt: offset, of: sources.arrivals) : offset + arrivalShift
    }
}
