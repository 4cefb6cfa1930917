import Core
import Frames
import HTTP2
import Telemetry

/// What the gateway answers by itself: `/health`, `/ready`, `/metrics`.
extension GatewayLoop {
    /// 200 while this gateway can do its work, 503 when it cannot; the parts tell why.
    func respondHealth(_ index: Int) {
        let token = slab.token(of: index)
        let report = service.health
        let unreachable = unreachableShardCount
        service.collectMetrics { metrics in
            self.eventLoop.execute {
                guard let index = self.slab.slot(for: token) else { return }
                self.writeHealth(report, metrics, unreachable)
                let isHealthy = report.postgres == .ok && report.redis != .down && unreachable == 0
                self.respond(index, status: isHealthy ? 200 : 503, type: .json, body: self.body.bytes)
                self.flushTransports()
            }
        }
    }

    private func writeHealth(_ report: HealthReport, _ metrics: RequestMetrics, _ unreachable: Int) {
        let isHealthy = report.postgres == .ok && report.redis != .down && unreachable == 0
        body.removeAll()
        body.append("{\"status\":\"\(isHealthy ? "ok" : "degraded")\"")
        body.append(",\"postgresql\":{\"status\":\"\(report.postgres.rawValue)\",\"latency_us\":\(report.postgresMicroseconds)}")
        body.append(",\"redis\":{\"status\":\"\(report.redis.rawValue)\",\"latency_us\":\(report.redisMicroseconds)}")
        body.append(",\"cache_hit_rate\":" as StaticString)
        // Four decimals without floating-point printing.
        if let rate = metrics.directoryHitRate {
            let tenThousandths = Int64((rate * 10_000).rounded())
            body.appendDecimal(tenThousandths / 10_000)
            body.append(UInt8(ascii: "."))
            body.appendPadded(tenThousandths % 10_000, digits: 4)
        } else {
            body.append("null" as StaticString)
        }
        body.append(",\"active_connections\":\(metrics.openConnections),\"live_requests\":\(metrics.liveRequests)")
        body.append(",\"queues\":" as StaticString)
        QueueMetrics.appendJSON(report, to: body)
        body.append(",\"shards\":{\"total\":\(ShardID.count),\"reachable\":\(ShardID.count - unreachable)}")
        body.append(",\"workers\":\(ownerLinks.count),\"topology_version\":\(topology.version)}")
    }

    /// Asks the workers what they serve: owning a shard is not enough, it has to be loaded.
    func askReady(_ index: Int) {
        if isShuttingDown { respondReady(index, served: ShardSet(), isWhole: false) } else { gather(index) }
    }

    /// 200 when every shard is served, by one worker, and this event loop is connected to whom it would send a request for it. Else what is not served, and which
    /// workers are not connected.
    /// - Parameter isWhole: whether the workers have claimed each shard once.
    func respondReady(_ index: Int, served: ShardSet, isWhole: Bool) {
        // Others may have taken up the shards of a dead worker to whom requests would still go from here.
        let isReady = isWhole && served == .all && unreachableShardCount == 0 && !isShuttingDown
        body.removeAll()
        body.append("{\"ready\":\(isReady),\"shards\":\(ShardID.count),\"shards_served\":\(served.count)")
        body.append(",\"shards_reachable\":\(ShardID.count - unreachableShardCount),\"shards_missing\":[" as String)
        var separator: StaticString = ""
        for number in 0..<ShardID.count where !served.contains(ShardID(number)) {
            body.append(separator)
            body.appendDecimal(number)
            separator = ","
        }
        body.append("],\"workers_unreachable\":[" as StaticString)
        separator = ""
        for name in unreachableOwners {
            body.append(separator)
            body.appendJSON(name)
            separator = ","
        }
        body.append("],\"shutting_down\":\(isShuttingDown)}")
        respond(index, status: isReady ? 200 : 503, type: .json, body: body.bytes)
    }

    /// The names of owners without a connection, each once, ascending.
    private var unreachableOwners: [String] {
        let owners = (0..<ShardID.count).compactMap { number -> ClusterMap.Owner? in
            if let link = shardLinks[number] { return link.isConnected ? nil : link.owner }
            // What a worker has told may be newer than our picture.
            return topology.owners[number].flatMap { $0.instance == routes[ShardID(number)].owner ? $0 : nil }
        }
        return Set(owners).map(\.name).sorted()
    }

    func respondMetrics(_ index: Int) {
        let token = slab.token(of: index)
        let unreachable = unreachableShardCount
        let owners = topology.owners.count { $0 != nil }
        service.collectMetrics { metrics in
            self.eventLoop.execute {
                guard let index = self.slab.slot(for: token) else { return }
                self.body.removeAll()
                let text = PrometheusText(self.body)
                metrics.write(to: text)
                text.describe("database_queries_total", .counter, "Statements sent to PostgreSQL by this gateway, by purpose.")
                for (purpose, count) in self.service.databaseQueries {
                    text.sample("database_queries_total", labels: "purpose=\"\(purpose)\"", Int64(count))
                }
                QueueMetrics.write(self.service.health, to: text)
                text.describe("gateway_shards_owned", .gauge, "Shards that have an owner.")
                text.sample("gateway_shards_owned", Int64(owners))
                text.describe("gateway_shards_unreachable", .gauge, "Shards whose owner is missing or not connected.")
                text.sample("gateway_shards_unreachable", Int64(unreachable))
                self.respond(index, status: 200, type: .metrics, body: self.body.bytes)
                self.flushTransports()
            }
        }
    }
}
