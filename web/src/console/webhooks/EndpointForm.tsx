import { useState } from 'react';
import type { TaskStatus } from '../../gql/graphql';
import { Field, useFieldDescription } from '../ui/Field';
import { problemAt, problemElsewhere, type Refusal } from '../ui/refusal';
import { useAsyncAction } from '../ui/useAsyncAction';
import { allStatuses, statusNames } from './statuses';
import type { Settings } from './useEndpoints';

interface Props {
  settings: Settings;
  action: string;
  onSubmit: (settings: Settings) => Promise<Refusal | undefined>;
  onDone?: () => void;
  onCancel?: () => void;
  /** For a form that opens where there was none. */
  takesFocus?: boolean;
}

/** Begins anew once it was taken. */
export function EndpointForm({ settings, action, onSubmit, onDone, onCancel, takesFocus }: Props) {
  const [url, setUrl] = useState(settings.url);
  const [statuses, setStatuses] = useState(settings.statuses);
  const [refusal, setRefusal] = useState<Refusal>();
  const [submit, busy] = useAsyncAction(async () => {
    const refused = await onSubmit({ url: url.trim(), statuses });
    setRefusal(refused);
    if (refused) return;
    setUrl(settings.url);
    setStatuses(settings.statuses);
    onDone?.();
  });

  return (
    <form className="stack endpoint-form" onSubmit={submit} noValidate>
      <UrlField url={url} onChange={setUrl} problem={problemAt(refusal, 'url')} autoFocus={takesFocus} />
      <Statuses chosen={statuses} onChange={setStatuses} problem={problemAt(refusal, 'statuses')} />
      <Elsewhere problem={problemElsewhere(refusal, ['url', 'statuses'])} />
      <div className="row">
        <button type="submit" className="primary" aria-busy={busy}>
          {action}
        </button>
        {onCancel && (
          <button type="button" onClick={onCancel}>
            Cancel
          </button>
        )}
      </div>
    </form>
  );
}

interface UrlProps {
  url: string;
  onChange: (url: string) => void;
  problem?: string;
  autoFocus?: boolean;
}

function UrlField({ url, onChange, problem, autoFocus }: UrlProps) {
  return (
    <Field label="Address" hint="A public https address of yours, where messages are posted" problem={problem}>
      {(inputProps) => (
        <input
          {...inputProps}
          type="url"
          value={url}
          onChange={(event) => onChange(event.target.value)}
          placeholder="https://example.com/plantain"
          autoComplete="off"
          spellCheck={false}
          autoFocus={autoFocus}
        />
      )}
    </Field>
  );
}

interface StatusesProps {
  chosen: TaskStatus[];
  onChange: (chosen: TaskStatus[]) => void;
  problem?: string;
}

function Statuses({ chosen, onChange, problem }: StatusesProps) {
  const { inputProps, description } = useFieldDescription(undefined, problem);
  const toggle = (status: TaskStatus) =>
    onChange(allStatuses.filter((each) => (each === status) !== chosen.includes(each)));
  return (
    <fieldset className="statuses" aria-describedby={inputProps['aria-describedby']}>
      <legend>Tell it of tasks that are</legend>
      <div className="row">
        {allStatuses.map((status) => (
          <label key={status}>
            <input type="checkbox" checked={chosen.includes(status)} onChange={() => toggle(status)} />{' '}
            {statusNames[status].toLowerCase()}
          </label>
        ))}
      </div>
      {description}
    </fieldset>
  );
}

function Elsewhere({ problem }: { problem?: string }) {
  if (!problem) return null;
  return (
    <p className="notice error" role="alert">
      {problem}
    </p>
  );
}
