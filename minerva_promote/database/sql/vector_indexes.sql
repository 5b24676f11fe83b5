-- The vector indexes of the tables $1 ("schema.table"): schema, index, table, access method, operator class, valid.
-- A partition's index counts for itself.
select n.nspname::text, i.relname::text, t.relname::text, m.amname::text, o.opcname::text, x.indisvalid
from pg_index x
join pg_class i on i.oid = x.indexrelid
join pg_class t on t.oid = x.indrelid
join pg_namespace n on n.oid = t.relnamespace
join pg_am m on m.oid = i.relam
join pg_opclass o on o.oid = x.indclass[0]
where m.amname in ('ivfflat', 'hnsw')
  and n.nspname || '.' || t.relname = any ($1::text[])
order by 1, 2
