# Judges a run's record ($run) by the phases in which it was made ($phases): a table, and what should not have been.

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

$run[0] as $record
| ($record.windowSeconds * 1000000) as $length
| [$record.windows | to_entries[] | .value + {begin: ($record.startedAtMicroseconds + .key * $length)}] as $windows
| [$phases[] as $phase
    | [$windows[] | select(.begin >= $phase.begin and .begin + $length <= $phase.end)] as $mine
    # A window counts by when its requests were planned; one that the time in which they may fail only touches is within it.
    | [$mine[] | select($phase.faultAt == null or .begin + $length < $phase.faultAt or .begin > $phase.faultUntil)] as $guarded
    | ($mine | buckets) as $times
    | {
        name: $phase.name, kind: $phase.kind, parked: $phase.parked,
        requests: ($mine | map(.planned) | add // 0), failed: ($mine | map(failed) | add // 0),
        stray: ($guarded | map(failed) | add // 0), gap: (($mine | gap) * $record.windowSeconds),
        p50: ($times | percentile(0.5)), p99: ($times | percentile(0.99)), max: ($times | percentile(1)), windows: ($mine | length)
    }] as $rows
| {
    table: ([["phase", "kind", "requests", "failed", "outside window", "longest gap s", "p50 ms", "p99 ms", "max ms", "parked"]]
        + [$rows[] | [.name, .kind, .requests, .failed, .stray, .gap, (.p50 | milliseconds), (.p99 | milliseconds), (.max | milliseconds), .parked]]),
    faults: (
        [$rows[] | select(.windows == 0) | "\(.name): the load has nothing to tell of it"]
        + [$rows[] | select(.stray > 0) | "\(.name): \(.stray) requests failed\(if .kind == "crash" then " outside of its window" else "" end)"]
        + [$record.ledger | if . == null then "the ledger was not compared"
            elif .unchecked != null then "the ledger was not compared: \(.unchecked)"
            else (to_entries[] | select(.key == "lost" or .key == "doubled" or .key == "wrong") | select(.value > 0) | "ledger: \(.value) \(.key)") end]
        + [$record.answers // {wrong: 0} | select(.wrong > 0) | "\(.wrong) wrong answers: \(.examples)"]
        + [$record.invalid[] | "the load is invalid: \(.)"])
}
