import Core
import Frames
import Hierarchy

/// Reads about one affiliate. Each writes its JSON straight into the reply frame.
extension WorkerLoop {
    func read(_ operation: Operation, _ question: AffiliateQuestion, _ header: FrameHeader, _ host: ShardHost, _ out: ByteBuilder)
    {
        if operation == .catchUp {
            out.reply(.binary, requestID: header.requestID, shard: header.shard, word: 0) { _ in }
            return
        }
        guard let node = host.partition.find(question.affiliate) else {
            refuse(header, .unknownAffiliate, "", out)
            return
        }
        out.reply(.body, requestID: header.requestID, shard: header.shard, word: 200) { body in
            if operation == .upline {
                writeUpline(of: node, id: question.affiliate, host.partition, body)
            } else {
                writeAffiliate(node, host.partition, body)
            }
        }
    }

    func read(_ operation: Operation, _ question: NetworkQuestion, _ header: FrameHeader, _ host: ShardHost, _ out: ByteBuilder) {
        let partition = host.partition
        guard let node = partition.find(question.about.affiliate) else {
            refuse(header, .unknownAffiliate, "", out)
            return
        }
        let start = out.beginFrame(
            FrameHeader(code: Outcome.body.rawValue, shard: header.shard, requestID: header.requestID, word: 200))
        do {
            if operation == .statusCounts {
                writeStatusCounts(below: node, question, partition, out)
            } else {
                try writeNetwork(below: node, question, partition, out)
            }
        } catch {
            out.truncate(to: start)
            refuse(header, .cursorExpired, error.message, out)
            return
        }
        if !out.endFrame(start) { refuse(header, .answerTooLarge, "", out) }
    }

    func writeAffiliate(_ node: Node, _ partition: Partition, _ body: ByteBuilder) {
        body.append("{\"affiliate_id\":" as StaticString)
        body.appendDecimal(partition.id(of: node).rawValue)
        body.append(",\"parent_affiliate_id\":" as StaticString)
        if let parent = partition.parent(of: node) {
            body.appendDecimal(partition.id(of: parent).rawValue)
        } else {
            body.append("null" as StaticString)
        }
        partition.withProfile(of: node) { profile in
            body.append(",\"external_id\":" as StaticString)
            body.appendJSON(profile.externalID)
            appendOptional(",\"referral_code\":", profile.referralCode, body)
            body.append(",\"name\":" as StaticString)
            body.appendJSON(profile.name)
            appendOptional(",\"email\":", profile.email, body)
            appendOptional(",\"phone\":", profile.phone, body)
            appendOptional(",\"document\":", profile.document, body)
            body.append(",\"category\":" as StaticString)
            body.appendJSON(profile.category)
            body.append(",\"registration_date\":\"" as StaticString)
            body.appendRFC3339(unixMicroseconds: profile.registrationMicroseconds)
        }
        body.append("\",\"status\":\"" as StaticString)
        body.append(partition.status(of: node).name)
        pathScratch.removeAll(keepingCapacity: true)
        partition.upline(of: node) { ancestor, _ in pathScratch.append(partition.id(of: ancestor).rawValue) }
        body.append("\",\"hierarchy_level\":" as StaticString)
        body.appendDecimal(pathScratch.count + 1)
        body.append(",\"hierarchy_path\":\"" as StaticString)
        for id in pathScratch.reversed() {
            body.appendDecimal(id)
            body.append(UInt8(ascii: "."))
        }
        body.appendDecimal(partition.id(of: node).rawValue)
        body.append("\",\"direct_referrals_count\":" as StaticString)
        body.appendDecimal(partition.directReferrals(of: node))
        body.append(",\"total_network_size\":" as StaticString)
        body.appendDecimal(partition.networkSize(of: node))
        body.append(UInt8(ascii: "}"))
    }

    private func appendOptional(_ key: StaticString, _ text: UnsafeRawBufferPointer?, _ body: ByteBuilder) {
        body.append(key)
        if let text { body.appendJSON(text) } else { body.append("null" as StaticString) }
    }

    private func writeUpline(of node: Node, id: AffiliateID, _ partition: Partition, _ body: ByteBuilder) {
        body.append("{\"affiliate_id\":" as StaticString)
        body.appendDecimal(id.rawValue)
        body.append(",\"upline\":[" as StaticString)
        partition.upline(of: node) { ancestor, distance in
            if distance > 1 { body.append(UInt8(ascii: ",")) }
            body.append("{\"affiliate_id\":" as StaticString)
            body.appendDecimal(partition.id(of: ancestor).rawValue)
            body.append(",\"level_distance\":" as StaticString)
            body.appendDecimal(distance)
            body.append(",\"status\":\"" as StaticString)
            body.append(partition.status(of: ancestor).name)
            body.append("\"}" as StaticString)
        }
        body.append("]}" as StaticString)
    }

    private func writeStatusCounts(below node: Node, _ question: NetworkQuestion, _ partition: Partition, _ body: ByteBuilder) {
        let counts = partition.statusCounts(below: node, depth: Int(question.depth))
        body.append("{\"affiliate_id\":" as StaticString)
        body.appendDecimal(question.about.affiliate.rawValue)
        body.append(",\"depth\":" as StaticString)
        body.appendDecimal(Int(question.depth))
        body.append(",\"total\":" as StaticString)
        body.appendDecimal(counts.total)
        body.append(",\"statuses\":{" as StaticString)
        for status in AffiliateStatus.allCases {
            if status != .active { body.append(UInt8(ascii: ",")) }
            body.appendJSONKey(status.name)
            body.appendDecimal(counts[status])
        }
        body.append("}}" as StaticString)
    }

    private func writeNetwork(
        below node: Node, _ question: NetworkQuestion, _ partition: Partition, _ body: ByteBuilder
    ) throws(PartitionError) {
        body.append("{\"affiliate_id\":" as StaticString)
        body.appendDecimal(question.about.affiliate.rawValue)
        body.append(",\"depth\":" as StaticString)
        body.appendDecimal(Int(question.depth))
        body.append(",\"direct_referrals_count\":" as StaticString)
        body.appendDecimal(partition.directReferrals(of: node))
        body.append(",\"total_network_size\":" as StaticString)
        body.appendDecimal(partition.networkSize(of: node))
        body.append(",\"levels\":[" as StaticString)
        partition.levelCounts(below: node, depth: Int(question.depth)) { level, count in
            if level > 1 { body.append(UInt8(ascii: ",")) }
            body.append("{\"level\":" as StaticString)
            body.appendDecimal(level)
            body.append(",\"count\":" as StaticString)
            body.appendDecimal(count)
            body.append(UInt8(ascii: "}"))
        }
        body.append("],\"members\":[" as StaticString)
        var next: PageCursor?
        if question.limit > 0 {
            var isFirst = true
            let after = question.cursor.map {
                PageCursor(levelDistance: Int($0.levelDistance), parent: $0.parent, id: $0.affiliate)
            }
            next = try partition.members(
                below: node, depth: Int(question.depth), after: after, limit: Int(question.limit), status: question.status
            ) { member in
                if !isFirst { body.append(UInt8(ascii: ",")) }
                isFirst = false
                writeMember(member, body)
            }
        }
        body.append("],\"next_cursor\":" as StaticString)
        if let next {
            body.append(UInt8(ascii: "\""))
            body.appendDecimal(next.levelDistance)
            body.append(UInt8(ascii: "-"))
            body.appendDecimal(next.parent.rawValue)
            body.append(UInt8(ascii: "-"))
            body.appendDecimal(next.id.rawValue)
            body.append("\"}" as StaticString)
        } else {
            body.append("null}" as StaticString)
        }
    }

    private func writeMember(_ member: Member, _ body: ByteBuilder) {
        body.append("{\"affiliate_id\":" as StaticString)
        body.appendDecimal(member.id.rawValue)
        body.append(",\"parent_affiliate_id\":" as StaticString)
        body.appendDecimal(member.parent.rawValue)
        body.append(",\"level_distance\":" as StaticString)
        body.appendDecimal(member.levelDistance)
        body.append(",\"status\":\"" as StaticString)
        body.append(member.status.name)
        body.append("\",\"direct_referrals_count\":" as StaticString)
        body.appendDecimal(member.directReferrals)
        body.append(UInt8(ascii: "}"))
    }
}
