-- The least rights in PostgreSQL. An administrator (a superuser, or a role with CREATEDB and CREATEROLE) runs this with psql,
-- once for each server that food-orders is to run on; to run it again changes nothing:
--
--   psql --dbname postgres://ADMIN@HOST/postgres --file deploy/postgresql-rights.sql
--
-- Then give the owner a password, which psql asks for and sends encrypted:
--
--   psql --dbname postgres://ADMIN@HOST/postgres --command '\password food_orders'
--
-- Other names: --set owner=NAME --set database=NAME. The reader's name is fixed, because our programs grant to it.
-- docs/operations.md says who uses which role.

\set ON_ERROR_STOP on
\if :{?owner} \else \set owner food_orders \endif
\if :{?database} \else \set database food_orders \endif

-- A database of another owner is left as it is.
SELECT format('DO $do$ BEGIN RAISE EXCEPTION %L; END $do$', format('the database %s belongs to %s, not to %s', datname, rolname, :'owner'))
FROM pg_database JOIN pg_roles ON pg_roles.oid = datdba
WHERE datname = :'database' AND rolname <> :'owner' \gexec

-- Owns the database and everything in it, and may do nothing outside of it.
SELECT format('CREATE ROLE %I LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION', :'owner')
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'owner') \gexec

-- Sees public.orders, public.order_history and public.positions. People and tools log in with roles of their own that are
-- members of it: CREATE ROLE analyst LOGIN IN ROLE food_orders_reader.
SELECT 'CREATE ROLE food_orders_reader NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'food_orders_reader') \gexec

-- An administrator who is no superuser can give a database only to a role that it is a member of.
SELECT NOT pg_has_role(current_user, :'owner', 'USAGE') AS joins \gset
\if :joins
GRANT :"owner" TO CURRENT_USER;
\endif

SELECT format('CREATE DATABASE %I OWNER %I TEMPLATE template0 ENCODING %L', :'database', :'owner', 'UTF8')
WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = :'database') \gexec

-- By default everyone may connect to every database and make temporary tables in it.
REVOKE ALL ON DATABASE :"database" FROM PUBLIC;
GRANT CONNECT ON DATABASE :"database" TO food_orders_reader;

\connect :"database"

-- PostgreSQL 15 grants this to nobody but the owner of the database; a server that was upgraded from 14 still grants it to
-- everyone.
REVOKE CREATE ON SCHEMA public FROM PUBLIC;

-- A database that was restored without its grants. Otherwise our programs grant this when they make the views, and again at
-- each switch to a new build.
SELECT format('GRANT SELECT ON public.%I TO food_orders_reader', relname)
FROM pg_class
WHERE relnamespace = 'public'::regnamespace AND relkind = 'v' AND relname IN ('orders', 'order_history', 'positions') \gexec

\if :joins
REVOKE :"owner" FROM CURRENT_USER;
\endif
