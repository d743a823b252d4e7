import { useState } from 'react';
import type { TaskStatus } from '../../gql/graphql';
import { messages } from '../messages';
import { Field, useFieldDescription } from '../ui/Field';
import { fieldErrorMessage, formErrorMessage, type FormError } from '../ui/formError';
import { useAsyncAction } from '../ui/useAsyncAction';
import { allStatuses } from './taskStatuses';
import type { EndpointSettings } from './useEndpoints';

interface Props {
  settings: EndpointSettings;
  action: string;
  onSubmit: (settings: EndpointSettings) => Promise<FormError | undefined>;
  onDone?: () => void;
  onCancel?: () => void;
  /** Set when the form opens in response to a click. */
  autoFocus?: boolean;
}

/** Resets itself after a successful submission. */
export function EndpointForm({ settings, action, onSubmit, onDone, onCancel, autoFocus }: Props) {
  const [url, setUrl] = useState(settings.url);
  const [statuses, setStatuses] = useState(settings.statuses);
  const [formError, setFormError] = useState<FormError>();
  const [submit, busy] = useAsyncAction(async () => {
    const error = await onSubmit({ url: url.trim(), statuses });
    setFormError(error);
    if (error) return;
    setUrl(settings.url);
    setStatuses(settings.statuses);
    onDone?.();
  });

  return (
    <form className="stack endpoint-form" onSubmit={submit} noValidate>
      <UrlField url={url} onChange={setUrl} errorMessage={fieldErrorMessage(formError, 'url')} autoFocus={autoFocus} />
      <Statuses chosen={statuses} onChange={setStatuses} errorMessage={fieldErrorMessage(formError, 'statuses')} />
      <FormErrorNotice errorMessage={formErrorMessage(formError, ['url', 'statuses'])} />
      <div className="row">
        <button type="submit" className="primary" aria-busy={busy}>
          {action}
        </button>
        {onCancel && (
          <button type="button" onClick={onCancel}>
            {messages.common.cancel}
          </button>
        )}
      </div>
    </form>
  );
}

interface UrlProps {
  url: string;
  onChange: (url: string) => void;
  errorMessage?: string;
  autoFocus?: boolean;
}

function UrlField({ url, onChange, errorMessage, autoFocus }: UrlProps) {
  return (
    <Field label={messages.webhooks.url} hint={messages.webhooks.urlHint} errorMessage={errorMessage}>
      {(inputProps) => (
        <input
          {...inputProps}
          type="url"
          value={url}
          onChange={(event) => onChange(event.target.value)}
          placeholder={messages.webhooks.urlExample}
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
  errorMessage?: string;
}

function Statuses({ chosen, onChange, errorMessage }: StatusesProps) {
  const { inputProps, description } = useFieldDescription(undefined, errorMessage);
  const toggle = (status: TaskStatus) =>
    onChange(allStatuses.filter((each) => (each === status) !== chosen.includes(each)));
  return (
    <fieldset className="statuses" aria-describedby={inputProps['aria-describedby']}>
      <legend>{messages.webhooks.statuses}</legend>
      <div className="row">
        {allStatuses.map((status) => (
          <label key={status}>
            <input type="checkbox" checked={chosen.includes(status)} onChange={() => toggle(status)} />{' '}
            {messages.common.taskStatus[status]}
          </label>
        ))}
      </div>
      {description}
    </fieldset>
  );
}

function FormErrorNotice({ errorMessage }: { errorMessage?: string }) {
  if (!errorMessage) return null;
  return (
    <p className="notice error" role="alert">
      {errorMessage}
    </p>
  );
}
