import PostgresClient
import Store

/// Fills an empty cluster with the demo network, the way a real V1 programme would come in: a V1 schema, then `fature migrate`.
struct DemoNetwork {
    /// The affiliate with the most direct referrals: 14,289.
    static let widestAffiliate = 13_369_082

    let executable: String
    let directory: DataDirectory
    let databaseURL: String

    /// Does nothing if the cluster has affiliates. An interrupted attempt goes on where it stopped.
    func fillIfEmpty(running steps: StepRunner) throws(CommandError) {
        let isFilled: Bool
        let hasV1: Bool
        do {
            let connection = try ClusterLocation.connect(to: databaseURL, "up")
            let answer = try connection.execute(
                "SELECT EXISTS (SELECT FROM fature_v2.affiliates_optimized), to_regclass('public.affiliates') IS NOT NULL")
            isFilled = try answer.bool(0, 0)
            hasV1 = try answer.bool(0, 1)
        } catch {
            throw CommandError.explaining(error)
        }
        if isFilled {
            Console.progress("demo: the database has affiliates already; nothing is generated")
            return
        }
        if !hasV1 {
            try steps.runVisibly(
                [executable, "generate", "--profile", "fature", "--data-dir", directory.path], name: "fature generate")
        }
        let rejects = "\(directory.path)/demo.rejects.csv"
        try steps.runVisibly([executable, "migrate", "--data-dir", directory.path, "--rejects", rejects], name: "fature migrate")
    }
}
