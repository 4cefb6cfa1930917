import Core

extension CommissionPlan {
    /// The plan as PostgreSQL keeps it: every field that has a value, always in this order, without blanks. Rates and amounts are texts that
    /// PostgreSQL casts to numeric: `"0.0500"`, `"100.00"`. Equal plans have equal texts.
    package var canonicalJSON: String {
        let json = ByteBuilder()
        appendJSON(to: json)
        return String(decoding: json.bytes, as: UTF8.self)
    }

    /// Appends what `canonicalJSON` is.
    package func appendJSON(to json: ByteBuilder) {
        json.append("{" as StaticString)
        json.appendJSONKey("name")
        json.appendJSON(name)
        json.append(",\"version\":" as StaticString)
        json.appendDecimal(version)
        json.append(",\"effective_from\":\"" as StaticString)
        json.appendRFC3339(unixMicroseconds: effectiveFrom)
        json.append("\",\"currency\":\"" as StaticString)
        json.append(currency)
        json.append("\",\"rounding\":\"" as StaticString)
        json.append(rounding.name)
        json.append("\",\"compression\":" as StaticString)
        json.append(isCompressing)
        json.append(",\"percentage\":{" as StaticString)
        var isFirst = true
        for type in TransactionType.allCases where !percentage[type].isEmpty {
            if !isFirst { json.append("," as StaticString) }
            isFirst = false
            json.appendJSONKey(type.name)
            json.appendTexts(percentage[type]) { $0.append($1) }
        }
        json.append("}" as StaticString)
        if let cpa { cpa.appendJSON(to: json) }
        if let revShare { revShare.appendJSON(to: json) }
        caps.appendJSON(to: json)
        json.append("}" as StaticString)
    }

    /// Reads what `canonicalJSON` wrote, and any other JSON with a plan's fields, in any order, as jsonb gives it back.
    package init(json: String) throws(PlanError) { try self.init(JSONNodes.read(json)) }
}

extension CPARule {
    fileprivate func appendJSON(to json: ByteBuilder) {
        json.append(",\"cpa\":{\"amounts\":" as StaticString)
        json.appendTexts(amounts) { $0.append($1) }
        json.append(",\"minimum_deposit\":\"" as StaticString)
        json.append(minimumDeposit)
        json.append("\"" as StaticString)
        if let windowDays {
            json.append(",\"window_days\":" as StaticString)
            json.appendDecimal(windowDays)
        }
        json.append("}" as StaticString)
    }
}

extension RevShareRule {
    fileprivate func appendJSON(to json: ByteBuilder) {
        json.append(",\"revshare\":{\"rates\":" as StaticString)
        json.appendTexts(rates) { $0.append($1) }
        json.append(",\"period\":\"" as StaticString)
        json.append(period.name)
        json.append("\",\"ggr_fee\":\"" as StaticString)
        json.append(ggrFee)
        json.append("\",\"deposit_fee\":\"" as StaticString)
        json.append(depositFee)
        json.append("\",\"deduct_bonuses\":" as StaticString)
        json.append(isDeductingBonuses)
        json.append(",\"carry_losses\":" as StaticString)
        json.append(isCarryingLosses)
        json.append("}" as StaticString)
    }
}

extension CommissionCaps {
    fileprivate func appendJSON(to json: ByteBuilder) {
        let perTransaction =
            [("beneficiary", beneficiaryPerTransaction), ("total", totalPerTransaction)] as [(StaticString, Money?)]
        let groups =
            [("per_transaction", perTransaction), ("per_month", [("beneficiary", beneficiaryPerMonth)])]
            as [(StaticString, [(StaticString, Money?)])]
        let present = groups.filter { group in group.1.contains { $0.1 != nil } }
        guard !present.isEmpty else { return }
        json.append(",\"caps\":{" as StaticString)
        for (index, group) in present.enumerated() {
            if index > 0 { json.append("," as StaticString) }
            json.appendJSONKey(group.0)
            json.append("{" as StaticString)
            var isFirst = true
            for (name, cap) in group.1 {
                guard let cap else { continue }
                if !isFirst { json.append("," as StaticString) }
                isFirst = false
                json.appendJSONKey(name)
                json.append("\"" as StaticString)
                json.append(cap)
                json.append("\"" as StaticString)
            }
            json.append("}" as StaticString)
        }
        json.append("}" as StaticString)
    }
}

extension ByteBuilder {
    fileprivate func append(_ truth: Bool) { append(truth ? "true" : "false" as StaticString) }

    /// A JSON list of strings that need no escaping.
    fileprivate func appendTexts<Value>(_ values: [Value], _ appendValue: (ByteBuilder, Value) -> Void) {
        append("[" as StaticString)
        for (index, value) in values.enumerated() {
            if index > 0 { append("," as StaticString) }
            append("\"" as StaticString)
            appendValue(self, value)
            append("\"" as StaticString)
        }
        append("]" as StaticString)
    }
}
