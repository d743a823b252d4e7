-- The prompts for searches. In a table of their own, because a task is updated several times, and each update would write
-- the index of its prompt again.

SET LOCAL lock_timeout = '5s';

-- ILIKE ignores the case of letters outside ASCII only in some collations; those of ICU know all letters.
DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_collation WHERE collname = 'und-x-icu') THEN
        CREATE FUNCTION fold_case(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
        RETURN lower($1 COLLATE "und-x-icu");
    ELSE
        CREATE FUNCTION fold_case(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
        RETURN lower($1);
    END IF;
END
$$;
COMMENT ON FUNCTION fold_case IS 'the text in lower case, for comparisons that ignore the case';

CREATE TABLE task_prompts (
    task_id uuid PRIMARY KEY REFERENCES tasks (id) ON DELETE CASCADE,
    owner text NOT NULL,
    prompt text NOT NULL
);
COMMENT ON TABLE task_prompts IS 'store::history with a text of the prompt';
COMMENT ON COLUMN task_prompts.prompt IS 'in lower case';
CREATE INDEX task_prompts_of_owner ON task_prompts (owner);

-- The extensions are part of each Postgres, but some hosts offer them under conditions. Without them, a search for a
-- text reads all prompts of its user.
DO $$
BEGIN
    CREATE EXTENSION IF NOT EXISTS btree_gin;
    CREATE EXTENSION IF NOT EXISTS pg_trgm;
    CREATE INDEX task_prompts_text ON task_prompts USING gin (owner, prompt gin_trgm_ops);
EXCEPTION
    WHEN insufficient_privilege OR undefined_file OR feature_not_supported OR undefined_object THEN
        RAISE NOTICE 'no index for searches of prompts: %', SQLERRM;
END
$$;

-- A trigger, because replicas of the release before insert tasks as well.
CREATE FUNCTION insert_task_prompt() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO task_prompts (task_id, owner, prompt) VALUES (NEW.id, NEW.owner, fold_case(NEW.prompt));
    RETURN NULL;
END
$$;
CREATE TRIGGER task_prompt AFTER INSERT ON tasks FOR EACH ROW EXECUTE FUNCTION insert_task_prompt();
