-- The prompts of the tasks from before the trigger. It takes about a minute for each million tasks, and blocks nothing.

INSERT INTO task_prompts (task_id, owner, prompt)
SELECT id, owner, fold_case(prompt) FROM tasks
ON CONFLICT (task_id) DO NOTHING;
