/// A value that is made and used on one event loop and only carried by tasks in between.
struct LoopConfined<Value>: @unchecked Sendable {
    let value: Value
    init(_ value: Value) { self.value = value }
}
