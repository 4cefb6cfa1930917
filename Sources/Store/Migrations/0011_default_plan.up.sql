-- The plan that a new programme starts with: 5, 3, 2, 1 and 0.5 % of deposits and bets, up to level distance 5.
INSERT INTO fature_v2.commission_plan (version, name, effective_from, definition, applied_by)
VALUES (1, 'default', '1970-01-01T00:00:00Z',
    '{"name":"default","version":1,"effective_from":"1970-01-01T00:00:00Z","currency":"BRL","rounding":"half_away_from_zero","compression":false,"percentage":{"deposit":["0.0500","0.0300","0.0200","0.0100","0.0050"],"bet":["0.0500","0.0300","0.0200","0.0100","0.0050"]}}',
    'fature');
