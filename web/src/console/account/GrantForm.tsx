import { useState } from 'react';
import { messages } from '../messages';
import { Field } from '../ui/Field';
import { formatCreditAmount } from '../ui/formatCredits';
import { fieldErrorMessage, formErrorMessage } from '../ui/formError';
import { useAsyncAction } from '../ui/useAsyncAction';
import { useGrantCredits } from './useGrantCredits';

const emptyValues = { userId: '', amount: '', reason: '' };

export function GrantForm() {
  const { grant, formError, granted } = useGrantCredits();
  const [values, setValues] = useState(emptyValues);
  const fieldProps = (field: keyof typeof emptyValues) => ({
    value: values[field],
    onChange: ({ target }: { target: HTMLInputElement }) => setValues({ ...values, [field]: target.value }),
    required: true,
    autoComplete: 'off',
  });
  const [submit, busy] = useAsyncAction(async () => {
    const input = { ...values, userId: values.userId.trim(), amount: Number(values.amount) };
    if (await grant(input)) setValues(emptyValues);
  });
  const errorMessage = formErrorMessage(formError, Object.keys(emptyValues));

  return (
    <form className="stack" onSubmit={submit}>
      <div className="grant-fields">
        <Field
          label={messages.common.user}
          hint={messages.account.grantUserHint}
          errorMessage={fieldErrorMessage(formError, 'userId')}
        >
          {(inputProps) => <input {...fieldProps('userId')} {...inputProps} spellCheck={false} autoCapitalize="none" />}
        </Field>
        <Field
          label={messages.account.grantCredits}
          hint={messages.account.grantCreditsHint}
          errorMessage={fieldErrorMessage(formError, 'amount')}
        >
          {(inputProps) => <input {...fieldProps('amount')} {...inputProps} type="number" step="any" />}
        </Field>
        <Field
          label={messages.account.grantReason}
          hint={messages.account.grantReasonHint}
          errorMessage={fieldErrorMessage(formError, 'reason')}
        >
          {(inputProps) => <input {...fieldProps('reason')} {...inputProps} />}
        </Field>
      </div>
      {errorMessage && (
        <p className="notice error" role="alert">
          {errorMessage}
        </p>
      )}
      <div className="row">
        <button type="submit" className="primary" aria-busy={busy}>
          {messages.account.grantSubmit}
        </button>
        <p role="status">
          {granted &&
            messages.account.grantDone(
              granted.userId,
              formatCreditAmount(granted.amount),
              formatCreditAmount(granted.available),
            )}
        </p>
      </div>
    </form>
  );
}
