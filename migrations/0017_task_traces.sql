-- Where the trace of a task began, so that its later steps continue it, after a restart and on other replicas.

SET LOCAL lock_timeout = '5s';

CREATE TABLE task_traces (
    task_id uuid PRIMARY KEY REFERENCES tasks (id) ON DELETE CASCADE,
    trace_parent text NOT NULL
);
COMMENT ON TABLE task_traces IS 'only for tasks that were submitted while traces were exported';
COMMENT ON COLUMN task_traces.trace_parent IS 'as the header traceparent of the W3C';
