// swift-tools-version: 6.2
import PackageDescription

/// Every target of ours: Swift 6 language mode, warnings are errors, and small functions are inlined across our own modules.
let house: [SwiftSetting] = [
    .treatAllWarnings(as: .error),
    .unsafeFlags(["-cross-module-optimization"], .when(configuration: .release)),
]

func product(_ name: String, _ package: String) -> Target.Dependency { .product(name: name, package: package) }

let nio: [Target.Dependency] = [product("NIOCore", "swift-nio"), product("NIOPosix", "swift-nio")]
let logging = product("Logging", "swift-log")
let lifecycle = product("ServiceLifecycle", "swift-service-lifecycle")

/// The floors, lowest first. A target imports only from floors below its own; `Tests/TidyTests` checks it.
let package = Package(
    name: "fature-cluster",
    products: [.executable(name: "fature", targets: ["fature"])],
    dependencies: [
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.5.0"),
        .package(url: "https://github.com/apple/swift-log", from: "1.6.3"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.80.0"),
        .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.8.0"),
        .package(url: "https://github.com/apple/swift-configuration", from: "1.0.0", traits: [.defaults, "YAML"]),
        .package(url: "https://github.com/jpsim/Yams", from: "6.0.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.30.0"),
        .package(url: "https://github.com/apple/swift-certificates", from: "1.21.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.0"),
    ],
    targets: [
        // Floor 0: system libraries.
        .systemLibrary(name: "CPostgreSQL", pkgConfig: "libpq", providers: [.apt(["libpq-dev"])]),
        .systemLibrary(name: "CHiredis", providers: [.apt(["libhiredis-dev"])]),
        .systemLibrary(name: "CLinux"),
        .systemLibrary(name: "CNGHTTP2", pkgConfig: "libnghttp2", providers: [.apt(["libnghttp2-dev"])]),

        // Floor 1: words everyone uses. No I/O.
        .target(name: "Core", dependencies: ["CLinux"], swiftSettings: house),

        // Floor 2: pure mechanisms. No I/O.
        .target(name: "Hierarchy", dependencies: ["Core"], swiftSettings: house),
        .target(name: "Placement", dependencies: ["Core"], swiftSettings: house),
        .target(name: "Ownership", dependencies: ["Core"], swiftSettings: house),
        .target(name: "Dataset", dependencies: ["Core"], swiftSettings: house),
        .target(name: "Commission", dependencies: ["Core"], swiftSettings: house),
        .target(name: "Frames", dependencies: ["Core"], swiftSettings: house),

        // Floor 3: one adapter for one thing.
        .target(name: "PostgresClient", dependencies: ["Core", "CPostgreSQL"], swiftSettings: house),
        .target(name: "RedisClient", dependencies: ["Core", "CHiredis"], swiftSettings: house),
        .target(
            name: "JobQueue", dependencies: ["Core", "RedisClient"], resources: [.embedInCode("Scripts")], swiftSettings: house),
        .target(name: "HTTP2", dependencies: ["Core", "CNGHTTP2"], swiftSettings: house),
        .target(
            name: "ClusterTLS",
            dependencies: [
                "Core", logging, product("Crypto", "swift-crypto"), product("NIOCore", "swift-nio"),
                product("NIOSSL", "swift-nio-ssl"),
                product("NIOTLS", "swift-nio"), product("X509", "swift-certificates"),
            ],
            swiftSettings: house),
        .target(name: "Telemetry", dependencies: ["Core", logging], swiftSettings: house),
        .target(name: "YAMLFiles", dependencies: [product("Yams", "Yams")], swiftSettings: house),
        .target(name: "PlanFiles", dependencies: ["Core", "Commission", "YAMLFiles"], swiftSettings: house),
        .target(
            name: "Store",
            dependencies: ["Core", "Commission", "Dataset", "Hierarchy", "Ownership", "Placement", "PostgresClient"],
            resources: [.embedInCode("Migrations")], swiftSettings: house),

        // What operators do to a cluster, as documents and calls: done by PostgreSQL, asked for by commands and over HTTP.
        .target(
            name: "Administration", dependencies: ["Core", "Placement", "PostgresClient", "Store"], swiftSettings: house),

        .target(name: "Simulation", dependencies: ["Core", "Ownership", "Placement"], swiftSettings: house),

        // Floor 4: services, each one `run()` under ServiceLifecycle.
        .target(
            name: "Worker",
            dependencies: [
                "ClusterTLS", "Core", "Hierarchy", "Ownership", "Frames", "Store", "PostgresClient", "RedisClient", "JobQueue",
                "Telemetry", logging,
                lifecycle,
            ] + nio,
            swiftSettings: house),
        .target(
            name: "Coordinator",
            dependencies: [
                "Administration", "ClusterTLS", "Core", "Placement", "Ownership", "Store", "PostgresClient", "Telemetry", logging,
                lifecycle,
                product("NIOHTTP1", "swift-nio"),
            ] + nio,
            swiftSettings: house),
        .target(
            name: "Gateway",
            dependencies: [
                "ClusterTLS", "Core", "Frames", "HTTP2", "Ownership", "Store", "PostgresClient", "RedisClient", "Telemetry",
                logging,
                lifecycle,
                product("NIOHTTP1", "swift-nio"),
            ] + nio,
            swiftSettings: house),

        // The load harness, by its floors: 2 what to send, 3 what was seen, 4 sending, telling, checking.
        .target(name: "LoadPlan", dependencies: ["Core"], path: "loadtest/Plan", swiftSettings: house),
        .target(
            name: "LoadFiles", dependencies: ["LoadPlan", "YAMLFiles"], path: "loadtest",
            exclude: ["Plan", "Record", "Engine", "Report", "Check", "samples"], sources: ["Files"],
            resources: [.embedInCode("scenarios")],
            swiftSettings: house),
        .target(
            name: "LoadRecord", dependencies: ["Core", "LoadPlan", product("Histogram", "hdrhistogram-swift")],
            path: "loadtest/Record", swiftSettings: house),
        .target(
            name: "LoadEngine",
            dependencies: [
                "CLinux", "CNGHTTP2", "Core", "HTTP2", "LoadPlan", "LoadRecord", product("NIOSSL", "swift-nio-ssl"),
                product("NIOEmbedded", "swift-nio"), product("NIOTLS", "swift-nio"),
            ] + nio,
            path: "loadtest/Engine", swiftSettings: house),
        .target(
            name: "LoadReport", dependencies: ["Core", "LoadPlan", "LoadRecord"], path: "loadtest/Report",
            swiftSettings: house),
        .target(
            name: "LoadCheck", dependencies: ["Core", "LoadPlan", "LoadRecord", "PostgresClient", "Store"],
            path: "loadtest/Check",
            swiftSettings: house),

        // Floor 5: what people start.
        .executableTarget(
            name: "fature",
            dependencies: [
                "Administration", "Core", "Commission", "Dataset", "JobQueue", "Placement", "PlanFiles", "Store",
                "PostgresClient", "RedisClient",
                "Telemetry",
                "Worker",
                "ClusterTLS", "Coordinator", "Gateway", "LoadPlan", "LoadFiles", "LoadRecord", "LoadEngine", "LoadReport",
                "LoadCheck", logging,
                lifecycle,
                product("ArgumentParser", "swift-argument-parser"),
                product("Configuration", "swift-configuration"),
                product("NIOHTTP1", "swift-nio"),
            ] + nio,
            swiftSettings: house),

        // Measures parts alone, and whole clusters against their peers.
        .executableTarget(
            name: "fature-bench",
            dependencies: [
                "CNGHTTP2", "Core", "Hierarchy", "JobQueue", "LoadCheck", "PostgresClient", "RedisClient", "Simulation",
                "Telemetry",
            ],
            swiftSettings: house),

        // Tests. `TestServers` starts a private PostgreSQL and Redis for them.
        .target(
            name: "TestServers", dependencies: ["PostgresClient", "RedisClient"], path: "Tests/TestServers", swiftSettings: house),
        .testTarget(name: "CoreTests", dependencies: ["Core"], swiftSettings: house),
        .testTarget(name: "HierarchyTests", dependencies: ["Core", "Hierarchy"], swiftSettings: house),
        .testTarget(
            name: "ImportTests", dependencies: ["Core", "Dataset", "Store", "PostgresClient", "TestServers"], swiftSettings: house
        ),
        .testTarget(name: "DatasetTests", dependencies: ["Core", "Dataset"], swiftSettings: house),
        .testTarget(name: "CommissionTests", dependencies: ["Commission", "Core"], swiftSettings: house),
        .testTarget(name: "JobQueueTests", dependencies: ["Core", "JobQueue", "TestServers"], swiftSettings: house),
        .testTarget(
            name: "JobQueueRedisTests", dependencies: ["Core", "JobQueue", "RedisClient", "TestServers"], swiftSettings: house),
        .testTarget(
            name: "CommissionOracleTests", dependencies: ["Commission", "Core", "PostgresClient", "TestServers"],
            swiftSettings: house),
        .testTarget(name: "PlanFilesTests", dependencies: ["Commission", "Core", "PlanFiles"], swiftSettings: house),
        .testTarget(name: "RedisClientTests", dependencies: ["RedisClient", "TestServers"], swiftSettings: house),
        .testTarget(
            name: "StoreTests",
            dependencies: [
                "Core", "Commission", "Dataset", "Hierarchy", "Ownership", "Placement", "Store", "PostgresClient", "TestServers",
            ],
            swiftSettings: house),
        .testTarget(name: "PostgresClientTests", dependencies: ["PostgresClient", "TestServers"], swiftSettings: house),
        .testTarget(name: "FramesTests", dependencies: ["Core", "Frames"], swiftSettings: house),
        .testTarget(name: "PlacementTests", dependencies: ["Core", "Placement"], swiftSettings: house),
        .testTarget(
            name: "OwnershipTests", dependencies: ["Core", "Ownership"], exclude: ["Transcripts"], swiftSettings: house),
        .testTarget(name: "SimulationTests", dependencies: ["Simulation"], swiftSettings: house),
        .testTarget(name: "TelemetryTests", dependencies: ["Core", "Telemetry", logging], swiftSettings: house),
        .testTarget(
            name: "ClusterTLSTests",
            dependencies: [
                "ClusterTLS", "TestServers", logging, product("Crypto", "swift-crypto"), product("NIOSSL", "swift-nio-ssl"),
                product("NIOTLS", "swift-nio"), product("X509", "swift-certificates"),
            ] + nio, swiftSettings: house),
        .testTarget(name: "HTTP2Tests", dependencies: ["CNGHTTP2", "Core", "HTTP2"], swiftSettings: house),
        .testTarget(
            name: "GatewayTests",
            dependencies: [
                "Core", "Dataset", "Frames", "HTTP2", "Gateway", "Ownership", "PostgresClient", "Store", "Telemetry", logging,
            ]
                + nio + [product("NIOEmbedded", "swift-nio"), product("NIOHTTP1", "swift-nio")], swiftSettings: house),
        // `ClusterSupport` runs the roles of the built `fature` as processes, with callers and a model to compare their answers with.
        .target(
            name: "ClusterSupport", dependencies: ["Core", "Dataset", "Frames", "Store", "PostgresClient", "TestServers"],
            path: "Tests/ClusterSupport", swiftSettings: house),
        .testTarget(
            name: "ClusterTests",
            dependencies: [
                "Administration", "ClusterSupport", "Core", "Hierarchy", "Frames", "Ownership", "Store", "Worker",
                "PostgresClient", "TestServers",
                "fature", logging,
            ] + nio,
            swiftSettings: house),
        .testTarget(
            name: "HandoffTests",
            dependencies: ["ClusterSupport", "Core", "Frames", "Ownership", "Store", "PostgresClient", "TestServers", "fature"],
            swiftSettings: house),
        .testTarget(
            name: "OperatorTests",
            dependencies: [
                "ClusterSupport", "Core", "Commission", "JobQueue", "PostgresClient", "RedisClient", "Store", "TestServers",
                "Worker",
                "fature",
            ], swiftSettings: house),
        .testTarget(
            name: "LedgerTests",
            dependencies: ["ClusterSupport", "Core", "JobQueue", "PostgresClient", "RedisClient", "TestServers", "fature"],
            swiftSettings: house),
        .testTarget(
            name: "WorkerTests",
            dependencies: [
                "Commission", "Core", "JobQueue", "PostgresClient", "RedisClient", "Store", "TestServers", "Worker", logging,
            ], swiftSettings: house),
        .testTarget(
            name: "LoadEngineTests", dependencies: ["CNGHTTP2", "Core", "LoadEngine", "LoadPlan", "LoadRecord", "TestServers"],
            swiftSettings: house),
        .testTarget(
            name: "LoadTestTests",
            dependencies: ["ClusterSupport", "LoadCheck", "LoadPlan", "LoadRecord", "TestServers", "fature"], swiftSettings: house
        ),
        .testTarget(
            name: "LoadAgentTests",
            dependencies: ["ClusterSupport", "Core", "LoadRecord", "PostgresClient", "TestServers", "fature"],
            swiftSettings: house),
        // The same on hosts of network namespaces, made by `cluster/netns`.
        .testTarget(
            name: "HostsTests", dependencies: ["ClusterSupport", "PostgresClient", "Store", "TestServers", "fature"],
            swiftSettings: house),
        .testTarget(name: "TidyTests", swiftSettings: house),
        .testTarget(
            name: "HostileTests", dependencies: ["Core", "Frames", "PostgresClient", "Store", "TestServers", "fature"],
            swiftSettings: house),
        .testTarget(
            name: "BenchTests", dependencies: ["Core", "PostgresClient", "Store", "TestServers", "fature-bench"],
            swiftSettings: house),
        .testTarget(
            name: "LoadReportTests", dependencies: ["Core", "LoadPlan", "LoadRecord", "LoadReport"], exclude: ["Golden"],
            swiftSettings: house),
        .testTarget(name: "LoadCheckTests", dependencies: ["LoadCheck", "LoadPlan", "LoadRecord"], swiftSettings: house),
        .testTarget(name: "LoadPlanTests", dependencies: ["Core", "LoadFiles", "LoadPlan"], swiftSettings: house),
        .testTarget(name: "UpTests", dependencies: ["fature"], swiftSettings: house),
        .testTarget(
            name: "AdministrationTests",
            dependencies: [
                "Administration", "ClusterSupport", "ClusterTLS", "Coordinator", "Core", "Placement", "PostgresClient", "Store",
                "TestServers", "fature", logging,
                product("NIOHTTP1", "swift-nio"),
            ], swiftSettings: house),
    ],
    swiftLanguageModes: [.v6]
)
