/// A stretch of time whose rate is constant or goes straight from one value to another, and the moments in it at which requests are planned.
///
/// Rates are whole numbers of millionths of a request a second, times whole nanoseconds. The integral of the rate is then a whole number
/// too, in units of 1 / (2 · 10^15) of a request, and is kept in 128 bits: nothing is rounded from one request to the next, so nothing
/// drifts, be it over days. Moments are rounded down to nanoseconds; those of a constant rate are exact, those of a ramp within one.
struct RateSegment {
    /// Of the integral.
    static let unitsPerRequest: UInt128 = 2_000_000_000_000_000
    /// The same: the conversion from 128 bits is slow.
    private static let unitsPerRequestAsDouble: Double = 2e15

    let nanoseconds: UInt64
    private let from: UInt64
    private let to: UInt64
    /// The integral at which the first request is planned, from the segment's begin.
    private var due: UInt128 = 0
    /// How many requests are planned in the segment.
    private var count: UInt64 = 0

    // A ramp goes on by the number of the request, and by the integral from the first one's to the begin and from the last one's to the end.
    private var made: UInt64 = 0
    private var unitsToFirst = 0.0
    private var unitsFromLast = 0.0

    // A constant rate goes on by whole steps: `at` and a remainder in units.
    private var at: UInt64 = 0
    private var remainder: UInt64 = 0
    private var step: UInt64 = 0
    private var stepRemainder: UInt64 = 0

    /// - Parameters:
    ///   - from: the rate at the begin, millionths of a request a second.
    ///   - to: the rate at the end.
    init(nanoseconds: UInt64, from: UInt64, to: UInt64) {
        self.nanoseconds = nanoseconds
        self.from = from
        self.to = to
    }

    /// The integral over the whole segment.
    var units: UInt128 { UInt128(from + to) * UInt128(nanoseconds) }

    private var isConstant: Bool { from == to }

    /// Begins the segment with the integral at which its first request is planned.
    mutating func begin(due: UInt128) {
        self.due = due
        let whole = units
        guard due < whole else { return }
        count = UInt64((whole - due - 1) / Self.unitsPerRequest) + 1
        if isConstant {
            let unitsPerNanosecond = UInt128(2 * from)
            at = UInt64(due / unitsPerNanosecond)
            remainder = UInt64(due % unitsPerNanosecond)
            step = UInt64(Self.unitsPerRequest / unitsPerNanosecond)
            stepRemainder = UInt64(Self.unitsPerRequest % unitsPerNanosecond)
        } else {
            unitsToFirst = Double(due)
            unitsFromLast = Double(whole - due - UInt128(count - 1) * Self.unitsPerRequest)
        }
    }

    /// How far behind the segment's end the integral has to go for the next request.
    var dueBehindEnd: UInt128 { due + UInt128(count) * Self.unitsPerRequest - units }

    /// The next moment, nanoseconds from the segment's begin; nil when there is none left in it.
    mutating func next() -> UInt64? {
        guard made < count else { return nil }
        made += 1
        guard isConstant else { return nextOfRamp() }
        let moment = at
        at += step
        remainder += stepRemainder
        if remainder >= 2 * from {
            remainder -= 2 * from
            at += 1
        }
        return moment
    }

    private mutating func nextOfRamp() -> UInt64 {
        let length = Double(nanoseconds)
        let (a, b) = (Double(from), Double(to))
        let unitsPerRequest = Self.unitsPerRequestAsDouble
        let moment: Double
        if b > a {
            let sought = unitsToFirst + Double(made - 1) * unitsPerRequest
            moment = sought == 0 ? 0 : sought / (a + (a * a + (b - a) * sought / length).squareRoot())
        } else {
            // From the end: near a rate of 0 the difference of two large numbers would say little.
            let left = unitsFromLast + Double(count - made) * unitsPerRequest
            moment = length - left / (b + (b * b + (a - b) * left / length).squareRoot())
        }
        at = max(at, min(UInt64(max(moment, 0)), nanoseconds - 1))
        return at
    }
}
