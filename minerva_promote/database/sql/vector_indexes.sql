-- The vector indexes of the tables $1 ("schema.table"): schema, index, table, access method, operator class, valid, the
-- operator that it orders by, what it indexes, its predicate (empty: all rows), its pages.
-- A partition's index counts for itself.
select n.nspname::text, i.relname::text, t.relname::text, m.amname::text, o.opcname::text, x.indisvalid,
       coalesce((
           select p.oprname::text from pg_amop a join pg_operator p on p.oid = a.amopopr
           where a.amopfamily = o.opcfamily and a.amoplefttype = o.opcintype and a.amoppurpose = 'o'
           order by a.amopstrategy limit 1
       ), ''),
       pg_get_indexdef(x.indexrelid, 1, true),
       coalesce(pg_get_expr(x.indpred, x.indrelid, true), ''),
       (pg_relation_size(x.indexrelid) / current_setting('block_size')::int)::int
from pg_index x
join pg_class i on i.oid = x.indexrelid
join pg_class t on t.oid = x.indrelid
join pg_namespace n on n.oid = t.relnamespace
join pg_am m on m.oid = i.relam
join pg_opclass o on o.oid = x.indclass[0]
where m.amname in ('ivfflat', 'hnsw')
  and n.nspname || '.' || t.relname = any ($1::text[])
order by 1, 2
