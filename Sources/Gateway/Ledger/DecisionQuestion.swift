import Core
import Frames
import Store

/// What a decision by filter is about: its cursors go on only with the same.
struct DecisionQuestion {
    var status: CommissionStatus
    var filter: CommissionDecisions.Filter

    /// A position as callers see it.
    func text(of position: CommissionDecisions.Position) -> String {
        let fields = ByteBuilder()
        fields.appendPosition(position.createdAt, position.id)
        return CursorText.write(fields, about: bytes)
    }

    func position(_ text: String) -> CommissionDecisions.Position? {
        CursorText.read(text.utf8, about: bytes) { reader in
            reader.position().map { .init(createdAt: $0.createdAt, id: $0.id) }
        }
    }

    private var bytes: ByteBuilder {
        let bytes = ByteBuilder()
        bytes.append("decisions" as StaticString)
        bytes.append(status.rawValue)
        bytes.appendOptional(filter.beneficiary?.rawValue)
        bytes.append(filter.status?.rawValue ?? .max)
        bytes.appendOptional(filter.from)
        bytes.appendOptional(filter.to)
        return bytes
    }
}
