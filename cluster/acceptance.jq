# Judges a run's record ($run) by the phases in which it was made ($phases) and by the failures that gateways logged ($failures), up to the moment at which the
# load was ended ($ended, µs): a table, and what should not have been.

def milliseconds: if . == null then "-" else (. / 100 | round / 10 | tostring) end;

# Times and counts of all buckets, ascending by time.
def buckets: [.[].response.buckets | _nwise(2)] | group_by(.[0]) | map([.[0][0], (map(.[1]) | add)]);

def percentile($share):
    (map(.[1]) | add // 0) as $total
    | if $total == 0 then null
      else reduce .[] as $bucket ({at: null, seen: 0};
              if .at == null then .seen += $bucket[1] | if .seen >= $total * $share then .at = $bucket[0] else . end else . end) | .at
      end;

# The most windows in a row in which nobody was answered.
def gap: reduce .[] as $window ({now: 0, most: 0}; if $window.answered > 0 then .now = 0 else .now += 1 | .most = ([.most, .now] | max) end) | .most;

# Everything but good answers, and what was never sent.
def failed: .overflow + (.outcomes.counts[1:] | add);

# Of a crash: from the begin of the first request that failed to the answer of the last, µs.
def outage($phase):
    [$failures[] | select($phase.faultAt != null and .end >= $phase.faultAt and .begin <= $phase.faultUntil)]
    | if length == 0 then null else (map(.end) | max) - (map(.begin) | min) end;

$run[0] as $record
| ($record.windowSeconds * 1000000) as $length
| [$phases[] | select(.faultAt != null)] as $faults
# A second belongs to the phase that had begun when it began, so those between phases are judged as well, and so are those before the first.
| [{name: "begin", kind: "planned", parked: "-", begin: $record.startedAtMicroseconds, faultAt: null, faultUntil: null}, $phases[]] as $phases
| [$record.windows | to_entries[] | .value + {begin: ($record.startedAtMicroseconds + .key * $length)}
    | select(.begin + $length <= $ended)
    # Requests are counted in the second in which they were planned. One that the time in which they may fail touches is within it, whatever phase that was of.
    | . as $window
    | .mayFail = any($faults[]; $window.begin + $length >= .faultAt and $window.begin <= .faultUntil)] as $windows
| [range($phases | length) as $at | $phases[$at] as $phase | ($phases[$at + 1].begin // infinite) as $next
    | [$windows[] | select(.begin >= $phase.begin and .begin < $next)] as $mine
    | ($mine | buckets) as $times
    | {
        name: $phase.name, kind: $phase.kind, parked: $phase.parked,
        requests: ($mine | map(.planned) | add // 0), failed: ($mine | map(failed) | add // 0),
        stray: ($mine | map(select(.mayFail | not) | failed) | add // 0), gap: (($mine | gap) * $record.windowSeconds), outage: outage($phase),
        p50: ($times | percentile(0.5)), p99: ($times | percentile(0.99)), max: ($times | percentile(1)), windows: ($mine | length)
    }] as $rows
| {
    table: ([["phase", "kind", "requests", "failed", "outside window", "outage ms", "longest gap s", "p50 ms", "p99 ms", "max ms", "parked"]]
        + [$rows[] | [.name, .kind, .requests, .failed, .stray, (.outage | milliseconds), .gap, (.p50 | milliseconds), (.p99 | milliseconds),
            (.max | milliseconds), .parked]]),
    faults: (
        [$rows[] | select(.windows == 0 and .name != "begin") | "\(.name): the load has nothing to tell of it"]
        + [$rows[] | select(.stray > 0) | "\(.name): \(.stray) requests failed\(if $faults == [] then "" else " outside of a fault's window" end)"]
        + [$rows[] | select(.outage == null and .kind == "crash" and .failed > .stray) | "\(.name): requests failed, and no gateway has logged one"]
        + [$record.ledger | if . == null then "the ledger was not compared"
            elif .unchecked != null then "the ledger was not compared: \(.unchecked)"
            else (to_entries[] | select(.key == "lost" or .key == "doubled" or .key == "wrong") | select(.value > 0) | "ledger: \(.value) \(.key)") end]
        + [$record.answers // {wrong: 0} | select(.wrong > 0) | "\(.wrong) wrong answers: \(.examples)"]
        + [$record.invalid[] | "the load is invalid: \(.)"])
}
