import Core

/// One request as it is sent. Reused: making a request allocates nothing.
package struct PlannedRequest {
    /// Its operation, by its place in the scenario.
    package var operation = 0
    /// GET without a body, POST with one.
    package var isPost = false
    package let path = ByteBuilder()
    /// JSON; empty for a GET.
    package let body = ByteBuilder()
    /// The shard of the affiliate it is about; nil when it is about none.
    package var shard: Int?

    package init() {}
}
