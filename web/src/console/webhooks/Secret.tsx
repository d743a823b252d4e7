import { useEffect, useId, useRef, useState } from 'react';
import { messages } from '../messages';
import { Icon } from '../ui/Icon';

export function Secret({ secret, onHide }: { secret: string; onHide: () => void }) {
  const id = useId();
  const { field, copy, copyStatus } = useCopy(secret);
  useEffect(() => field.current?.focus(), [field, secret]);

  return (
    <div className="notice warning secret">
      <label className="field">
        {messages.webhooks.secret}
        <input ref={field} readOnly value={secret} aria-describedby={id} onFocus={(event) => event.target.select()} />
      </label>
      <p id={id}>{messages.webhooks.secretHint}</p>
      <div className="row">
        <button type="button" onClick={copy}>
          <Icon name="copy" /> {messages.webhooks.copy}
        </button>
        <button type="button" onClick={onHide}>
          {messages.webhooks.hideSecret}
        </button>
        <span role="status">{copyStatus}</span>
      </div>
    </div>
  );
}

/** The clipboard API needs https. Without it, the secret is selected, so that the user can copy it. */
function useCopy(secret: string) {
  const field = useRef<HTMLInputElement>(null);
  const [copyStatus, setCopyStatus] = useState('');
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(secret);
      setCopyStatus(messages.webhooks.copied);
    } catch {
      field.current?.focus();
      setCopyStatus(messages.webhooks.copyFailed);
    }
  };
  return { field, copy, copyStatus };
}
