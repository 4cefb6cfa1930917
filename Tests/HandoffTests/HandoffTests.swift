import Testing

/// Shards that go from one worker process to another, of real clusters. One after the other: each has the machine to itself.
@Suite(.serialized) struct HandoffTests {}
