import CNGHTTP2

#if canImport(Glibc)
import Glibc
#endif

/// Memory for nghttp2's many small short-lived objects (streams, frames, header fields): free lists by size, of one event loop.
///
/// A stream costs nghttp2 about ten allocations, and the C library's allocator was an eighth of the gateway's time. Larger blocks, and all
/// beyond what the lists may keep, are the C library's.
package final class SessionMemory {
    private let pools: UnsafeMutablePointer<BlockPools>

    package init() {
        pools = .allocate(capacity: 1)
        pools.initialize(to: BlockPools())
    }

    deinit {
        pools.pointee.freeAll()
        pools.deinitialize(count: 1)
        pools.deallocate()
    }

    /// The functions as nghttp2 wants them. `self` must outlive every session made with them.
    package var functions: nghttp2_mem {
        nghttp2_mem(
            mem_user_data: pools,
            malloc: { size, pools in blockPools(pools).pointee.allocate(size) },
            free: { block, pools in blockPools(pools).pointee.release(block) },
            calloc: { count, size, pools in
                let (bytes, overflow) = count.multipliedReportingOverflow(by: size)
                guard !overflow, let block = blockPools(pools).pointee.allocate(bytes) else { return nil }
                return memset(block, 0, bytes)
            },
            realloc: { block, size, pools in blockPools(pools).pointee.reallocate(block, size) })
    }
}

private func blockPools(_ pools: UnsafeMutableRawPointer?) -> UnsafeMutablePointer<BlockPools> {
    pools.unsafelyUnwrapped.assumingMemoryBound(to: BlockPools.self)
}

/// The free lists. Before each block stand 16 bytes, which keep the alignment: its size class, and while it is free the next free block.
private struct BlockPools {
    private typealias Block = UnsafeMutableRawPointer

    private let lists: UnsafeMutablePointer<Block?>
    private var keptBytes = 0

    init() {
        lists = .allocate(capacity: Self.classes)
        lists.initialize(repeating: nil, count: Self.classes)
    }

    /// Blocks of 64, 128, 256, 512, 1024 and 2048 bytes.
    private static let classes = 6
    private static let smallestShift = 6
    private static let headerBytes = 16
    /// Memory the lists of one event loop may keep.
    private static let keptBytesMax = 64 << 20

    /// The class whose blocks have room for `bytes`; `classes` for those that are the C library's.
    private static func sizeClass(_ bytes: Int) -> Int {
        if bytes <= 1 << smallestShift { return 0 }
        return min(Int.bitWidth - (bytes - 1).leadingZeroBitCount - smallestShift, classes)
    }

    private static func bytes(of sizeClass: Int) -> Int { 1 << (smallestShift + sizeClass) }

    mutating func allocate(_ bytes: Int) -> UnsafeMutableRawPointer? {
        let sizeClass = Self.sizeClass(bytes)
        guard sizeClass < Self.classes else { return Self.fresh(bytes, sizeClass) }
        guard let block = lists[sizeClass] else { return Self.fresh(Self.bytes(of: sizeClass), sizeClass) }
        lists[sizeClass] = block.load(fromByteOffset: 8, as: Block?.self)
        keptBytes -= Self.bytes(of: sizeClass)
        return block + Self.headerBytes
    }

    private static func fresh(_ bytes: Int, _ sizeClass: Int) -> UnsafeMutableRawPointer? {
        guard let block = malloc(bytes + headerBytes) else { return nil }
        block.storeBytes(of: sizeClass, as: Int.self)
        return block + headerBytes
    }

    mutating func release(_ pointer: UnsafeMutableRawPointer?) {
        guard let pointer else { return }
        let block = pointer - Self.headerBytes
        let sizeClass = block.load(as: Int.self)
        guard sizeClass < Self.classes, keptBytes < Self.keptBytesMax else {
            free(block)
            return
        }
        block.storeBytes(of: lists[sizeClass], toByteOffset: 8, as: Block?.self)
        lists[sizeClass] = block
        keptBytes += Self.bytes(of: sizeClass)
    }

    mutating func reallocate(_ pointer: UnsafeMutableRawPointer?, _ bytes: Int) -> UnsafeMutableRawPointer? {
        guard let pointer else { return allocate(bytes) }
        let block = pointer - Self.headerBytes
        let sizeClass = block.load(as: Int.self)
        if sizeClass == Self.classes {
            // Large and stays so, or becomes smaller than its class says: either way it remains the C library's.
            return realloc(block, bytes + Self.headerBytes).map { $0 + Self.headerBytes }
        }
        if bytes <= Self.bytes(of: sizeClass) { return pointer }
        guard let larger = allocate(bytes) else { return nil }
        larger.copyMemory(from: pointer, byteCount: Self.bytes(of: sizeClass))
        release(pointer)
        return larger
    }

    /// Gives back what the lists keep, for the end.
    func freeAll() {
        for sizeClass in 0..<Self.classes {
            while let block = lists[sizeClass] {
                lists[sizeClass] = block.load(fromByteOffset: 8, as: Block?.self)
                free(block)
            }
        }
        lists.deallocate()
    }
}
