# Read by the entry point of PostgreSQL's image, once, when the database is made: the application's
# own role, without any right over the server, and those that it becomes behind the wall between communities.
docker_process_sql --dbname postgres --set=password="$(cat /run/secrets/DATABASE_PASSWORD)" <<'SQL'
CREATE ROLE jourmeme LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOBYPASSRLS
    PASSWORD :'password';
CREATE ROLE jourmeme_community NOLOGIN;
CREATE ROLE jourmeme_everywhere NOLOGIN;
GRANT jourmeme_community, jourmeme_everywhere TO jourmeme;
CREATE DATABASE jourmeme OWNER jourmeme;
REVOKE CONNECT, TEMPORARY ON DATABASE jourmeme FROM PUBLIC;
SQL
