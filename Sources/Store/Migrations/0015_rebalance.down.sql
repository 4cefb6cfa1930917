DROP FUNCTION fature_v2.steer_rebalance_plan, fature_v2.apply_rebalance_plan, fature_v2.enter_rebalance_state,
    fature_v2.store_rebalance_plan, fature_v2.set_worker_standing;
DROP TABLE fature_v2.rebalance_move, fature_v2.rebalance_plan, fature_v2.worker_standing;
