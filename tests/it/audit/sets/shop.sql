-- A shop: rows updated again and again, keys in random order, several columns an index, fill factors.
create table customers (id uuid primary key, email text not null unique, name text, city text, country text,
                        created_at timestamptz, marketing bool);
insert into customers
select md5(g::text)::uuid, 'customer' || g || '@example.org', 'Name ' || hashint4(g) % 9000, 'City ' || g % 400,
       (array['de','fr','at','ch','nl'])[1 + g % 5], timestamptz '2024-01-01' + g * interval '7 minutes', g % 3 = 0
  from generate_series(1, 60000) g;
create index customers_by_place on customers (country, city);
create index customers_by_name on customers (lower(name));

create table orders (id bigint primary key, customer_id uuid, status text, total numeric(12, 2), placed_at timestamptz,
                     note text) with (fillfactor = 85);
create index orders_of_customer on orders (customer_id, placed_at);
create index orders_by_status on orders (status);
create index orders_open on orders (placed_at) where status = 'open';
create index orders_by_day on orders (placed_at, status) with (fillfactor = 70);
insert into orders
select g, md5((1 + hashint4(g) % 30000 + 30000)::text)::uuid, (array['open','paid','sent','done','done','done'])[1 + g % 6],
       (g % 9000) * 1.31, timestamptz '2025-01-01' + g * interval '2 minutes', repeat('note ', g % 9)
  from generate_series(1, 150000) g;
update orders set status = 'done' where status = 'sent';
update orders set status = 'gone' where id % 4 = 0;
delete from orders where id % 10 < 4;

create table order_items (order_id bigint, line smallint, product_id int, quantity int, price numeric(10, 2),
                          primary key (order_id, line));
insert into order_items select g / 3, g % 3, abs(hashint4(g)) % 2000, g % 7, (g % 500) * 0.99 from generate_series(1, 400000) g;
create index order_items_of_product on order_items (product_id) include (quantity);
create index order_items_both on order_items (product_id, quantity);
delete from order_items where order_id % 3 = 1;

create table products (id int primary key, sku text unique, title text, attributes text[]);
insert into products select g, 'SKU-' || md5(g::text), 'Product number ' || g, array['a' || g % 30, 'b' || g % 200]
  from generate_series(1, 20000) g;
create index products_attributes on products using gin (attributes);

vacuum;

analyze;
