DROP FUNCTION fature_v2.release_gateway, fature_v2.renew_gateway, fature_v2.register_gateway, fature_v2.prune_gateways;
DROP TABLE fature_v2.gateway_lease;
