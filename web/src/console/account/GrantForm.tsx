import { useState } from 'react';
import { formatCreditAmount, formatCredits } from '../ui/formatCredits';
import { Field } from '../ui/Field';
import { problemAt, problemElsewhere } from '../ui/refusal';
import { useAsyncAction } from '../ui/useAsyncAction';
import { useGrant } from './useGrant';

const blank = { userId: '', amount: '', reason: '' };

export function GrantForm() {
  const { grant, refusal, granted } = useGrant();
  const [entered, setEntered] = useState(blank);
  const enter = (field: keyof typeof blank) => ({
    value: entered[field],
    onChange: ({ target }: { target: HTMLInputElement }) => setEntered({ ...entered, [field]: target.value }),
    required: true,
    autoComplete: 'off',
  });
  const [submit, busy] = useAsyncAction(async () => {
    const asked = { ...entered, userId: entered.userId.trim(), amount: Number(entered.amount) };
    if (await grant(asked)) setEntered(blank);
  });
  const problem = problemElsewhere(refusal, Object.keys(blank));

  return (
    <form className="stack" onSubmit={submit}>
      <div className="grant-fields">
        <Field label="User" hint="The sub of the user’s token" problem={problemAt(refusal, 'userId')}>
          {(inputProps) => <input {...enter('userId')} {...inputProps} spellCheck={false} autoCapitalize="none" />}
        </Field>
        <Field label="Credits" hint="0.001 or more" problem={problemAt(refusal, 'amount')}>
          {(inputProps) => <input {...enter('amount')} {...inputProps} type="number" step="any" />}
        </Field>
        <Field label="Reason" hint="Kept in the ledger" problem={problemAt(refusal, 'reason')}>
          {(inputProps) => <input {...enter('reason')} {...inputProps} />}
        </Field>
      </div>
      {problem && (
        <p className="notice error" role="alert">
          {problem}
        </p>
      )}
      <div className="row">
        <button type="submit" className="primary" aria-busy={busy}>
          Grant
        </button>
        <p role="status">
          {granted &&
            `${granted.userId} was given ${formatCredits(granted.amount)} and has ${formatCreditAmount(granted.available)} left.`}
        </p>
      </div>
    </form>
  );
}
