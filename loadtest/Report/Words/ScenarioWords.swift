import LoadPlan
import LoadRecord

extension ArrivalShape {
    /// `50,000/s, evenly`
    var words: String {
        switch self {
        case .constant(let rate): "\(Quantity.rate(rate)), evenly"
        case .poisson(let rate): "\(Quantity.rate(rate)) on average, at random (Poisson)"
        case .ramp(let from, let to): "from \(Quantity.rate(from)) to \(Quantity.rate(to)), steadily"
        case .steps(let from, let to, let steps): "from \(Quantity.rate(from)) to \(Quantity.rate(to)) in \(steps) steps"
        case .spike(let base, let peak, let at, let length):
            "\(Quantity.rate(base)), with \(Quantity.rate(peak)) from \(Quantity.length(seconds: at)) for \(Quantity.length(seconds: length))"
        case .replay(let file, let offsets): "as recorded in \(file): \(Quantity.count(offsets.count)) requests"
        case .closed(let inFlight): "closed loop: always \(Quantity.count(inFlight)) in flight"
        }
    }
}

extension LoadOperation {
    var words: String {
        switch self {
        case .network(let depth, let limit): "GET network, \(depth) levels, up to \(limit) members"
        case .upline: "GET upline"
        case .affiliate: "GET one affiliate"
        case .rankings(let metric, let limit): "GET the first \(limit) by \(metric)"
        case .join: "POST a new affiliate"
        case .move: "POST a move to another sponsor"
        case .transactions(let batch, let bets):
            batch == 1 ? "POST one transaction, \(bets)% bets" : "POST \(batch) transactions, \(bets)% bets"
        case .path(let path): "GET \(path)"
        }
    }
}

extension AffiliateChoice {
    var words: String {
        var text = zipf == 0 ? "all alike" : "by Zipf's law, exponent \(Quantity.plain(zipf, places: 3))"
        if let hotRoot { text += "; \(Quantity.share(hotShare)) of the requests for the tree of \(hotRoot)" }
        return text
    }
}

extension Outcome {
    /// `ok`, `timeout` … and what it means.
    var words: String {
        switch self {
        case .ok: "2xx, or a status that the scenario expects"
        case .redirect: "3xx"
        case .refused: "4xx"
        case .failed: "5xx"
        case .refusedStream: "the server did nothing: REFUSED_STREAM, or above GOAWAY's last stream"
        case .reset: "the server reset the stream"
        case .lost: "the connection ended"
        case .timeout: "no answer in time"
        case .unsent: "no connection was up until its timeout"
        }
    }
}

extension EventRecord {
    /// `ended with 0 after 1.2 s`
    var ending: String {
        guard let exitStatus else { return tookSeconds.map { "took \(Quantity.length(seconds: $0))" } ?? "a mark" }
        let took = tookSeconds.map { " after \(Quantity.length(seconds: $0))" } ?? ""
        return exitStatus == 0 ? "done\(took)" : "failed with status \(exitStatus)\(took)"
    }
}

extension ObjectiveResult.State {
    var word: String {
        switch self {
        case .held: "held"
        case .missed: "missed"
        case .unchecked: "not checked"
        }
    }
}
